"""Two runs side by side: what they share, what differs, and whether figures may be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cxr_tasks.settings import SETTINGS
from cxr_tasks.site.run_facts import Figure, ReportFacts, RunFacts, VariantFacts
from cxr_tasks.variants import VARIANTS

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
class FigurePair:
    """One measure of one variant in both runs; second minus first where that means something."""

    first: Figure
    second: Figure
    difference: float | None


@dataclass(frozen=True)
class VariantPair:
    """One variant in both runs."""

    first: VariantFacts
    second: VariantFacts
    accuracy: FigurePair
    roc_auc: FigurePair


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        ground: What the figures of both were measured on.
    """

    runs: tuple[RunFacts, RunFacts]
    reports: tuple[ReportFacts, ReportFacts]
    ground: Ground
    settings: tuple[SettingPair, ...]
    variants: Mapping[str, VariantPair]

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
        variants={
            name: _variant_pair(
                first.report.variants[name], second.report.variants[name], ground=ground
            )
            for name in VARIANTS
        },
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


def _variant_pair(first: VariantFacts, second: VariantFacts, *, ground: Ground) -> VariantPair:
    accuracy = _figure_pair(first.accuracy, second.accuracy, ground=ground)
    roc_auc = _figure_pair(first.roc_auc, second.roc_auc, ground=ground)
    return VariantPair(first, second, accuracy, roc_auc)


def _figure_pair(first: Figure, second: Figure, *, ground: Ground) -> FigurePair:
    undefined = first.value is None or second.value is None or ground == "other data"
    difference = None if undefined else (second.value or 0.0) - (first.value or 0.0)
    return FigurePair(first, second, difference)
