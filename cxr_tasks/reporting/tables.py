"""The tables of a report: `table.csv`, and every variant against every other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cxr_tasks.reporting.report_record import ReportFigures, VariantReport
from cxr_tasks.statistics.figures_record import Estimate, PairFacts

Row = dict[str, Any]

_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "roc_auc",
    "average_precision",
    "brier",
    "loss",
)
_COUNTS = ("n_images", "n_covid", "n_normal", "n_groups")
_COSTS = ("epochs_run", "total_seconds", "n_parameters", "n_trainable_parameters", "model_bytes")


def paper_table(report: ReportFigures) -> tuple[list[str], list[Row]]:
    """Return the columns and a row for each variant, as a paper prints it.

    Cells without a value are empty. Intervals are those of `headline`, over groups.
    `p_holm_vs_best` is the test over groups against the variant with the most images right,
    `p_holm_vs_chance` that against always naming the larger class; both are corrected for being
    several.
    """
    rows = [_row(name, facts, report) for name, facts in report.variants.items()]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, rows


def _row(name: str, facts: VariantReport, report: ReportFigures) -> Row:
    row: Row = {
        "variant": name,
        "title": facts.title,
        "status": facts.status,
        "error": facts.error,
        "basis": report.basis,
        "verdict": report.audit.verdict,
        "recommended": name == report.recommendation.variant,
    }
    if facts.status != "ok":
        return row
    row |= {key: getattr(facts.statistics, key) for key in _COUNTS}
    for metric in _METRICS:
        figure: Estimate = getattr(facts.headline, metric)
        low, high = figure.interval or (None, None)
        row |= {metric: figure.value, f"{metric}_low": low, f"{metric}_high": high}
    compared, chance = (
        report.recommendation.compared.get(name),
        report.recommendation.chance.get(name),
    )
    row["p_holm_vs_best"] = compared and compared.p_holm
    row |= {key: getattr(facts, key) for key in _COSTS}
    return row | {"p_holm_vs_chance": chance and chance.p_holm}


@dataclass(frozen=True)
class PairCell:
    """One variant minus another, with intervals and the corrected p."""

    accuracy: Estimate
    auc: Estimate
    p_holm: float
    distinguishable: bool


def pair_matrix(pairs: Sequence[PairFacts]) -> dict[str, dict[str, PairCell]]:
    """Lay pairs out, each once: a row's variant minus a column's.

    Returns:
        For each variant, for each one after it, what the two differ in; the last has no other.
    """
    names = dict.fromkeys([*(pair.first for pair in pairs), *(pair.second for pair in pairs)])
    matrix: dict[str, dict[str, PairCell]] = {name: {} for name in names}
    for pair in pairs:
        matrix[pair.first][pair.second] = PairCell(
            pair.accuracy_difference, pair.auc_difference, pair.p_holm, pair.distinguishable
        )
    return matrix
