"""How far figures differ where only the training's chance does: over seeds, folds, repeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.settings.alike import deciding
from cxr_tasks.site.run_facts import Measure

MIN_VALUES = 2


@dataclass(frozen=True)
class MeanSd:
    """Some values' mean and standard deviation, with their number."""

    n: int
    mean: float
    sd: float


def mean_sd(values: Sequence[float | None]) -> MeanSd | None:
    """Return mean and standard deviation; None where fewer than two, or one is undefined."""
    known = [value for value in values if value is not None]
    if len(known) < max(MIN_VALUES, len(values)):
        return None
    return MeanSd(len(known), mean(known), stdev(known))


def within_run(record: ReportRecord, variant: str, measure: Measure) -> dict[str, MeanSd]:
    """Return how far a variant's figure differs over a run's folds, and over its repeats."""
    trained = record.trained.get(variant)
    if trained is None or measure not in ("accuracy", "roc_auc"):
        return {}
    repeats = trained.statistics.repeats
    values = {
        "folds": [getattr(each, measure) for each in trained.statistics.by_fold],
        "repeats": [getattr(each, measure) for each in repeats.measures] if repeats else [],
    }
    return {name: spread for name, each in values.items() if (spread := mean_sd(each))}


def seed_groups(records: Sequence[ReportRecord]) -> list[tuple[int, ...]]:
    """Return the places of runs that differ in the seed alone, two or more together."""
    groups: list[list[int]] = []
    for at, record in enumerate(records):
        alike = (each for each in groups if _differ_in_seed(records[each[0]], record))
        group = next(alike, None)
        if group is None:
            groups.append([at])
        elif all(record.config["seed"] != records[each].config["seed"] for each in group):
            group.append(at)
    return [tuple(group) for group in groups if len(group) >= MIN_VALUES]


def _differ_in_seed(one: ReportRecord, other: ReportRecord) -> bool:
    return (
        one.data.fingerprint == other.data.fingerprint
        and one.weights.sha256 == other.weights.sha256
        and one.versions == other.versions
        and "seed" in one.config
        and "seed" in other.config
        and deciding(one.config) == deciding(other.config)
    )
