"""A run's recommendation as it is told: in the same words, and about a variant, everywhere."""

from collections.abc import Mapping
from typing import Any

NONE = "none"


def recommended(variant: str | None) -> str:
    """Describe which variant a run recommends; where nothing is better than chance it is none."""
    return f"Recommended: {NONE if variant is None else variant}"


def shown_variant(recommendation: Mapping[str, Any]) -> str:
    """Name the variant that figures are shown of: the recommended one, or else the best."""
    return str(recommendation["variant"] or recommendation["best"])
