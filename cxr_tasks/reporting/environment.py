"""Jinja as the report uses it, for every page that looks like it; imports nothing heavy."""

from collections.abc import Iterable
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cxr_tasks import wording
from cxr_tasks.reporting.notes import matter_of
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import duration
from cxr_tasks.wording import recommended


def make_environment(*packages: str) -> Environment:
    """Prepare Jinja with the report's templates and its ways to say numbers.

    Args:
        packages: Whose templates are looked for before the report's own.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "cxr_tasks.reporting")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "counted": wording.counted,
        "spread": wording.spread,
        "decimal": wording.decimal,
        "p_value": wording.p_value,
        "p_compared": wording.p_compared,
        "whole": wording.whole,
        "decimals": wording.decimals,
        "points": wording.points,
        "points_spread": wording.points_spread,
        "signed": wording.signed,
        "groupby_in_order": groupby_in_order,
        "markdown": wording.markdown,
        "matter_of": matter_of,
        "megabytes": wording.megabytes,
        "one_line": wording.one_line,
        "titled": titled,
        "proportions": wording.proportions,
        "recommended": recommended,
        "duration": duration,
    }
    return environment


def groupby_in_order(items: Iterable[Any], attribute: str) -> list[tuple[str, list[Any]]]:
    """Group items as they come: Jinja's own `groupby` sorts."""
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(getattr(item, attribute), []).append(item)
    return list(groups.items())


def titled(text: str) -> str:
    """Put what a person calls the variants in place of their names, fit for a list."""
    for name, variant in VARIANTS.items():
        text = text.replace(name, variant.title.replace(",", ""))
    return text
