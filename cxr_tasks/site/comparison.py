"""Runs side by side: what they share, what differs, and whether figures may be compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.settings import SETTINGS
from cxr_tasks.site.run_facts import ReportFacts, RunFacts

UNSET = "not set"
LETTERS = "ABCDEF"
MIN_RUNS, MAX_RUNS = 2, len(LETTERS)

Ground = Literal["same images", "same data", "other data"]


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs that are compared."""

    letter: str
    facts: RunFacts
    report: ReportFacts
    record: ReportRecord  # all of it


@dataclass(frozen=True)
class SettingRow:
    """A setting that the runs have not alike; `values` has a text for each run."""

    title: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side."""

    runs: tuple[ComparedRun, ...]
    ground: Ground  # what the figures of all were measured on
    settings: tuple[SettingRow, ...]

    @property
    def synthetic(self) -> str:
        """Which runs are on synthetic images; empty where none is."""
        return self.whose(run for run in self.runs if run.report.synthetic)

    @property
    def weights_notes(self) -> dict[str, str]:
        """What has to be known of where the backbones started, each with whose it is."""
        notes = dict.fromkeys(run.report.weights_note for run in self.runs)
        return {
            note: self.whose(run for run in self.runs if run.report.weights_note == note)
            for note in notes
            if note
        }

    def whose(self, runs: Iterable[ComparedRun]) -> str:
        """Name some of the runs in a sentence: `Both runs`, `All runs`, `Runs A and C`."""
        chosen = list(runs)
        if len(chosen) == len(self.runs):
            return "Both runs" if len(chosen) == MIN_RUNS else "All runs"
        if not chosen:
            return ""
        *before, last = (run.letter for run in chosen)
        return f"Runs {', '.join(before)} and {last}" if before else f"Run {last}"


def compare(runs: Sequence[tuple[RunFacts, ReportRecord]]) -> Comparison | None:
    """Compare two to six runs; None where there are fewer or more, or one has no report."""
    compared = tuple(
        ComparedRun(letter, facts, facts.report, record)
        for letter, (facts, record) in zip(LETTERS, runs, strict=False)
        if facts.report
    )
    if not MIN_RUNS <= len(compared) == len(runs):
        return None
    reports = [run.report for run in compared]
    settings = _differing([run.facts.config for run in compared])
    return Comparison(compared, _ground(reports), settings)


def _ground(reports: Sequence[ReportFacts]) -> Ground:
    if len({report.data_fingerprint for report in reports}) > 1:
        return "other data"
    if len({report.basis for report in reports}) > 1:
        return "same data"
    # out of fold every image is scored, whatever the folds
    same = reports[0].basis == "oof" or len({report.split_digest for report in reports}) == 1
    return "same images" if same else "same data"


def _differing(configs: Sequence[Mapping[str, Any]]) -> tuple[SettingRow, ...]:
    """Find the settings that differ, in the order of the form; unknown ones come last."""
    others = {name for config in configs for name in config} - set(SETTINGS)
    rows = (
        SettingRow(
            SETTINGS[name].title if name in SETTINGS else name,
            name,
            tuple(_value(config, name) for config in configs),
        )
        for name in (*SETTINGS, *sorted(others))
    )
    return tuple(row for row in rows if len(set(row.values)) > 1)


def _value(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name)
    if value is None or value == "":
        return UNSET
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
