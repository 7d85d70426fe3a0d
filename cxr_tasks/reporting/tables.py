"""The tables of a report: `table.csv`, and every variant against every other."""

from collections.abc import Sequence
from typing import Any

Facts = Any
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


def paper_table(report: Facts) -> tuple[list[str], list[Row]]:
    """Return the columns and a row for each variant, as a paper prints it.

    Cells without a value are empty. Intervals are those of `headline`, over groups.
    `p_holm_vs_best` is the test over groups against the variant with the most images right,
    `p_holm_vs_chance` that against always naming the larger class; both are corrected for being
    several.
    """
    rows = [_row(name, facts, report) for name, facts in report["variants"].items()]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, rows


def _row(name: str, facts: Facts, report: Facts) -> Row:
    recommendation = report["recommendation"]
    row: Row = {
        "variant": name,
        "title": facts["title"],
        "status": facts["status"],
        "error": facts["error"],
        "basis": report["basis"],
        "verdict": report["audit"]["verdict"],
        "recommended": name == recommendation["variant"],
    }
    if facts["status"] != "ok":
        return row
    row |= {
        key: facts["statistics"][key] for key in ("n_images", "n_covid", "n_normal", "n_groups")
    }
    for metric in _METRICS:
        figure = facts["headline"][metric]
        low, high = figure["interval"] or (None, None)
        row |= {metric: figure["value"], f"{metric}_low": low, f"{metric}_high": high}
    compared, chance = (recommendation[key].get(name) for key in ("compared", "chance"))
    row["p_holm_vs_best"] = compared and compared["p_holm"]
    row |= {key: facts[key] for key in _COSTS}
    return row | {"p_holm_vs_chance": chance and chance["p_holm"]}


def pair_matrix(pairs: Sequence[Facts]) -> dict[str, dict[str, Facts]]:
    """Lay pairs out in both directions: a row's variant minus a column's.

    Args:
        pairs: As `statistics.significance.pairs` returns them.

    Returns:
        For each variant, for each other one: the differences of accuracy and AUC, first minus
        second, with their intervals, the corrected p, and whether they can be told apart.
    """
    names = list(dict.fromkeys(pair[place] for place in ("first", "second") for pair in pairs))
    matrix: dict[str, dict[str, Facts]] = {name: {} for name in names}
    for pair in pairs:
        first, second = pair["first"], pair["second"]
        cell = {key: pair[key] for key in ("p_holm", "distinguishable")}
        differences = {key: pair[f"{key}_difference"] for key in ("accuracy", "auc")}
        matrix[first][second] = cell | differences
        matrix[second][first] = cell | {key: _negated(each) for key, each in differences.items()}
    return matrix


def _negated(difference: Facts) -> Facts:
    value, interval = difference["value"], difference["interval"]
    return {
        "value": None if value is None else -value,
        "interval": interval and [-end for end in reversed(interval)],
    }
