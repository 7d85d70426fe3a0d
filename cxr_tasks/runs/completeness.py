"""Whether a run has all that makes it whole: its audit, every selected variant, its report."""

from collections.abc import Iterator
from pathlib import Path

from cxr_tasks.errors import ArtifactError, TrainingError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record


def check_complete(run: RunPaths, config: RunConfig) -> None:
    """Refuse to call a run good that lacks its report, audit or a variant: the leaf gate.

    Raises:
        TrainingError: Something of the run is missing.
    """
    missing = [
        name + _reason(run.error(stage, variant))
        for name, stage, variant, folder in _parts(run, config)
        if run.error(stage, variant).exists() or find_record(folder, stage) is None
    ]
    if missing:
        raise TrainingError(
            f"The run {run.key!r} ended without {'; '.join(missing)}.",
            "A run is good when it is audited and every selected variant is trained and reported.",
            f"The whole reasons are in {run.root} (*.error.json); mend them and run it again under "
            "the same name: what is finished is kept.",
        )


def _parts(run: RunPaths, config: RunConfig) -> Iterator[tuple[str, str, str | None, Path]]:
    """Return what makes a run whole: how it is called, its stage and variant, and its folder."""
    for variant in config.variants:
        yield variant, "train", variant, run.train(variant)
    yield "the audit", "audit", None, run.audit
    yield "the report", "report", None, run.report


def _reason(error: Path) -> str:
    """Say in brackets why something is missing, as far as its stage has left a word."""
    try:
        told = str(read_json(error)["message"]).splitlines()
    except (ArtifactError, KeyError):
        return ""
    return f" ({told[0]})" if told else ""
