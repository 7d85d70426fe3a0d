"""Jinja as the report uses it, for every page that looks like it; imports nothing heavy."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cxr_tasks import wording
from cxr_tasks.reporting.chart_style import VARIANT_STYLES
from cxr_tasks.reporting.run_summary import matter_of
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import duration

_WORDING = (
    "counted",
    "decimal",
    "decimals",
    "markdown",
    "megabytes",
    "one_line",
    "p_compared",
    "p_value",
    "percent",
    "points",
    "points_spread",
    "recommended",
    "signed",
    "spread",
    "whole",
)


def make_environment(*packages: str) -> Environment:
    """Prepare Jinja with the report's templates and filters.

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
    environment.filters |= {name: getattr(wording, name) for name in _WORDING}
    environment.filters |= {"duration": duration, "matter_of": matter_of, "titled": titled}
    environment.globals["variant_styles"] = VARIANT_STYLES
    return environment


def titled(text: str) -> str:
    """Replace the names of variants by their titles, without commas: fit for a list."""
    for name, variant in VARIANTS.items():
        text = text.replace(name, variant.title.replace(",", ""))
    return text
