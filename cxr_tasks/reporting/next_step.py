"""What to do after a run: with synthetic images the next command, else what the verdict asks."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cxr_tasks.reporting.report_record import ReportAudit, ReportFigures
from cxr_tasks.settings import SETTINGS
from cxr_tasks.variants import VARIANTS

_OF_THE_DATA = (
    "source",
    "data",
    "follow_links",
    "preset",
    "covid_glob",
    "normal_glob",
    "kaggle_dataset",
    "patients",
    "label_decisions",
    "weights",
)
_SETTING = re.compile(r"\b([A-Z]+(?:_[A-Z]+)*)=")


@dataclass(frozen=True)
class NextStep:
    """What to do next."""

    text: str  # in words; ends with a colon where settings follow
    # of the command that does it; empty where a person has to do it
    settings: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""  # what to know of that command
    verb: str = "run"  # which command it is

    @property
    def make(self) -> str:
        """The command through Airflow: `make run PROFILE=honest ...`."""
        words = (f"{name.upper()}={_typed(value)}" for name, value in self.settings.items())
        return " ".join([f"make {self.verb}", *words])

    @property
    def python(self) -> str:
        """The same without Airflow: `python -m cxr_tasks run --profile honest ...`."""
        words = (word for name, value in self.settings.items() for word in as_flag(name, value))
        return f"python -m cxr_tasks {self.verb} {shlex.join(words)}"

    @staticmethod
    def as_flags(text: str) -> str:
        """Write the settings in a sentence as flags: `--seed 1` for `SEED=1`."""
        return _SETTING.sub(lambda found: f"--{found[1].lower().replace('_', '-')} ", text)


def next_step(report: ReportFigures) -> NextStep | None:
    """Return what to do after a run; None where nothing is left to ask.

    Args:
        report: As `report_facts` returns them.
    """
    if report.data.synthetic:
        return _OWN_IMAGES
    audit = report.audit
    if audit.verdict != "clean" and _has_control(audit):
        return _remedies(report) or NextStep(_OTHER_IMAGES)
    if report.basis == "val":
        return NextStep(
            "Score every image by models that have seen neither it nor its patient:",
            _in_folds(report.config),
        )
    if audit.verdict != "clean":
        return NextStep("Settle what the audit found, then run it again.")
    if report.recommendation.variant is None:
        return NextStep("More images, or more patients, may show what these cannot.")
    if not report.external:
        return NextStep(
            "Test it on images of another hospital: run the same again with "
            "EXTERNAL_SOURCE=folder EXTERNAL_DATA=/path/to/others."
        )
    return None


_OWN_IMAGES = NextStep(
    "With your own images, in a folder that holds COVID/ and NORMAL/:",
    {"profile": "honest", "source": "folder", "data": "/path/to/xrays"},
    "Also: VARIANTS=mobilenetv2_frozen (minutes instead of hours for a few hundred images), "
    "PATIENTS=FILE, offline WEIGHTS=FILE.",
)
_OTHER_IMAGES = (
    "Do not rely on this score: see under Audit what tells the classes apart without the lungs, "
    "and find images of both classes from the same hospitals and devices."
)


_REMEDIES = (
    "Do not rely on this score: find images of both classes from the same hospitals and devices. "
    "What survives where these images are limited to the lungs, re-encoded alike, or balanced:"
)


def _remedies(report: ReportFigures) -> NextStep | None:
    """Return the command that tries the remedies; None where they cannot be tried."""
    is_cached = any(VARIANTS[name].trains_on_features for name in report.trained)
    if report.config.get("remedy", "none") != "none" or not is_cached:
        return None
    return NextStep(_REMEDIES, {"run": report.run_key}, verb="remedy")


def _has_control(audit: ReportAudit) -> bool:
    return any(facts.role == "control" and facts.above_chance for facts in audit.controls.values())


def _in_folds(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of profile `honest` on the same images."""
    kept = {name: config[name] for name in _OF_THE_DATA if name in config}
    given = {name: value for name, value in kept.items() if value != SETTINGS[name].default}
    return {"profile": "honest", **given}


def _typed(value: Any) -> str:
    return "1" if value is True else shlex.quote(str(value))


def as_flag(name: str, value: Any) -> list[str]:
    """Return a setting as words of the command line."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
