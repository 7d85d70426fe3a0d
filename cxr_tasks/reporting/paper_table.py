"""`table.csv`: one row a variant, each figure with its interval, as a paper prints it."""

from collections.abc import Mapping
from typing import Any

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
_COSTS = ("epochs_run", "total_seconds", "n_parameters", "n_trainable_parameters", "model_bytes")


def paper_table(report: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    """Give the columns and a row for each variant; cells without a value are empty.

    Intervals are those of `headline`, over groups. `p_holm_vs_best` is the test over groups
    against the variant with the most images right, `p_holm_vs_chance` that against always naming
    the larger class; both are corrected for being several.
    """
    rows = [_row(name, facts, report) for name, facts in report["variants"].items()]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, rows


def _row(name: str, facts: Mapping[str, Any], report: Mapping[str, Any]) -> Row:
    row: Row = {
        "variant": name,
        "title": facts["title"],
        "status": facts["status"],
        "error": facts["error"],
        "basis": report["basis"],
        "verdict": report["audit"]["verdict"],
        "recommended": name == report["recommendation"]["variant"],
    }
    if facts["status"] != "ok":
        return row
    statistics = facts["statistics"]
    row |= {key: statistics[key] for key in ("n_images", "n_covid", "n_normal", "n_groups")}
    for metric in _METRICS:
        figure = facts["headline"][metric]
        low, high = figure["interval"] or (None, None)
        row |= {metric: figure["value"], f"{metric}_low": low, f"{metric}_high": high}
    compared = report["recommendation"]["compared"].get(name)
    row["p_holm_vs_best"] = compared and compared["p_holm"]
    row |= {key: facts[key] for key in _COSTS}
    tested = report["recommendation"]["chance"].get(name)
    return row | {"p_holm_vs_chance": tested and tested["p_holm"]}
