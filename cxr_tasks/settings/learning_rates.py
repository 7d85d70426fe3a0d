"""The setting `learning_rate`: one number for every variant, or `variant=number` for some."""

import math
from collections.abc import Mapping
from typing import Any

from cxr_tasks.variants import VARIANTS

RULE = (
    "It is a number above 0, up to 1, for all variants, or variant=number for some, with commas: "
    "mobilenetv2_partial=1e-5,vanilla_cnn=1e-4."
)


def rates_of(text: str) -> Mapping[str, float]:
    """Return Adam's learning rate by variant; variants that are not in it have their own.

    Raises:
        ValueError: The text does not follow `RULE`.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) == 1 and "=" not in parts[0]:
        return dict.fromkeys(VARIANTS, _rate(parts[0]))
    pairs = [(name.strip(), _rate(value)) for name, _, value in (p.partition("=") for p in parts)]
    rates = dict(pairs)
    if len(rates) < len(pairs) or not rates.keys() <= VARIANTS.keys():
        raise ValueError(text)
    return rates


def in_one_way(given: Any) -> Any:
    """Return a learning rate as one text, so that equal ones are equal settings.

    Raises:
        ValueError: A text does not follow `RULE`.
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = repr(given)
    if not isinstance(given, str):
        return given
    rates = rates_of(given)
    if rates and "=" not in given:
        return repr(next(iter(rates.values())))
    return ",".join(f"{name}={rates[name]!r}" for name in VARIANTS if name in rates)


def _rate(text: str) -> float:
    rate = float(text)  # raises ValueError
    if not (math.isfinite(rate) and 0 < rate <= 1):
        raise ValueError(text)
    return rate
