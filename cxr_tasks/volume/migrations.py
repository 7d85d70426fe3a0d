"""What older schema versions wrote, in the form of the next one.

Version 1 had no digest of its own content, and is otherwise as version 2. Up to version 2 tests
between variants, and of a variant against chance, took images as independent, and the cheapest
variant by seconds was recommended. What was decided then stays as it was; the tests get their
names, so that nobody takes them for those over groups.
"""

from collections.abc import Callable, Mapping
from typing import Any

MCNEMAR = "exact McNemar test, images taken as independent"
BINOMIAL = "exact binomial test, images taken as independent"

Content = dict[str, Any]


def _from_version_1(content: Content) -> Content:
    return content


def _from_version_2(content: Content) -> Content:
    """Name the tests of a comparison, a report, a promotion or a champion's version.

    Whatever has another form is left as it is: what reads it says so.
    """
    return {key: _FORMS[key](value) if key in _FORMS else value for key, value in content.items()}


def _recommendation(value: Any) -> Any:
    if not isinstance(value, Mapping) or not {"variant", "p_chance", "above_chance"} <= set(value):
        return value
    tested = {
        "p_value": value["p_chance"],
        "p_holm": value["p_chance"],
        "above_chance": value["above_chance"],
        "test": BINOMIAL,
    }
    return {**value, "chance": {str(value["variant"]): tested}}


def _pairs(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [
        {**pair, "test": MCNEMAR, "p_mcnemar": pair["p_value"]}
        if isinstance(pair, Mapping) and "p_value" in pair
        else pair
        for pair in value
    ]


def _comparison(value: Any) -> Any:
    """Rename the test of right images in what a promotion compared."""
    figures = value.get("figures") if isinstance(value, Mapping) else None
    if not isinstance(figures, Mapping) or not isinstance(figures.get("mcnemar"), Mapping):
        return value
    rest = {name: each for name, each in figures.items() if name != "mcnemar"}
    return {**value, "figures": {**rest, "right": {**figures["mcnemar"], "test": MCNEMAR}}}


_FORMS = {"recommendation": _recommendation, "pairs": _pairs, "comparison": _comparison}

MIGRATIONS: dict[int, Callable[[Content], Content]] = {1: _from_version_1, 2: _from_version_2}
"""For each older schema version: how its content becomes the next one's."""
