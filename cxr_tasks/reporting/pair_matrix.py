"""Every variant against every other, as a matrix: a row's variant minus a column's."""

from collections.abc import Mapping, Sequence
from typing import Any

Cell = Mapping[str, Any]


def pair_matrix(pairs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Cell]]:
    """Lay pairs out in both directions.

    Args:
        pairs: As `evaluation.significance.pairs` gives them.

    Returns:
        For each variant, for each other one: the differences of accuracy and AUC, first minus
        second, with their intervals, the corrected p, and whether they can be told apart.
    """
    names = list(dict.fromkeys(pair[place] for place in ("first", "second") for pair in pairs))
    matrix: dict[str, dict[str, Cell]] = {name: {} for name in names}
    for pair in pairs:
        first, second = pair["first"], pair["second"]
        matrix[first][second] = _cell(pair)
        matrix[second][first] = _turned(_cell(pair))
    return matrix


def _cell(pair: Mapping[str, Any]) -> Cell:
    return {
        "accuracy": pair["accuracy_difference"],
        "auc": pair["auc_difference"],
        "p_holm": pair["p_holm"],
        "distinguishable": pair["distinguishable"],
    }


def _turned(cell: Cell) -> Cell:
    return {**cell, **{name: _negated(cell[name]) for name in ("accuracy", "auc")}}


def _negated(difference: Mapping[str, Any]) -> Mapping[str, Any]:
    value, interval = difference["value"], difference["interval"]
    return {
        "value": None if value is None else -value,
        "interval": interval and [-end for end in reversed(interval)],
    }
