"""Two runs side by side: what they share, what differs, and whether figures may be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cxr_tasks.settings import SETTINGS
from cxr_tasks.site.run_facts import Measure, ReportFacts, RunFacts

UNSET = "not set"
Ground = Literal["same images", "same data", "other data"]


@dataclass(frozen=True)
class SettingPair:
    """A setting that the two runs have not alike."""

    title: str
    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    runs: tuple[RunFacts, RunFacts]
    reports: tuple[ReportFacts, ReportFacts]
    ground: Ground  # what the figures of both were measured on
    settings: tuple[SettingPair, ...]

    def difference(self, variant: str, measure: Measure) -> float | None:
        """Return second minus first; None where that means nothing, or one is undefined."""
        first, second = (report.variants[variant].figure(measure).value for report in self.reports)
        if first is None or second is None or self.ground == "other data":
            return None
        return second - first

    @property
    def weights_notes(self) -> dict[str, str]:
        """What has to be known of where the backbones started, each with whose it is."""
        first, second = (report.weights_note for report in self.reports)
        if first == second:
            return {first: "Both runs"} if first else {}
        named = {first: "The first run", second: "The second run"}
        return {note: whose for note, whose in named.items() if note}


def compare(first: RunFacts, second: RunFacts) -> Comparison | None:
    """Compare two runs; None where one of them has no report."""
    if first.report is None or second.report is None:
        return None
    ground = _ground(first.report, second.report)
    return Comparison(
        runs=(first, second),
        reports=(first.report, second.report),
        ground=ground,
        settings=_differing(first.config, second.config),
    )


def _ground(first: ReportFacts, second: ReportFacts) -> Ground:
    if first.data_fingerprint != second.data_fingerprint:
        return "other data"
    same = first.basis == second.basis and first.split_digest == second.split_digest
    return "same images" if same else "same data"


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[SettingPair, ...]:
    """Find the settings that differ, in the order of the form; unknown ones come last."""
    names = [*SETTINGS, *sorted({*first, *second} - set(SETTINGS))]
    values = [(name, _value(first, name), _value(second, name)) for name in names]
    return tuple(
        SettingPair(SETTINGS[name].title if name in SETTINGS else name, name, one, other)
        for name, one, other in values
        if one != other
    )


def _value(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name)
    if value is None or value == "":
        return UNSET
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
