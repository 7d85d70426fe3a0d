"""Jinja as the report uses it, for every page that looks like it; imports nothing heavy."""

import re
from collections.abc import Callable
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cxr_tasks import wording
from cxr_tasks.reporting.chart_style import VARIANT_STYLES
from cxr_tasks.reporting.page_scripts import page_policy, page_script
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import duration

BLANKS = re.compile(r"[ \n]+")
"""What lies between words of a template; blanks that do not break a line are others."""

_SENTENCE_ENDS = re.compile(r"(?<=[.!?]) ")

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
    "moment",
    "told",
    "utc",
    "whole",
)


@cache
def make_environment(*packages: str, **filters: Callable[..., str]) -> Environment:
    """Prepare Jinja with the report's templates and filters, once: templates stay compiled.

    Args:
        packages: Whose templates are looked for before the report's own.
        filters: Those that they need beside the report's.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "cxr_tasks.reporting")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in _WORDING}
    environment.filters |= {
        "duration": duration,
        "matter_of": matter_of,
        "titled": titled,
        "unsaid": unsaid,
    }
    environment.filters |= filters
    environment.globals |= {
        "variant_styles": VARIANT_STYLES,
        "page_policy": page_policy(),
        "page_script": page_script,
    }
    return environment


def titled(text: str) -> str:
    """Replace the names of variants by their titles, without commas: fit for a list."""
    for name, variant in VARIANTS.items():
        text = text.replace(name, variant.title.replace(",", ""))
    return text


def unsaid(text: str, said: str) -> str:
    """Return the sentences of a text that do not stand in another one."""
    return " ".join(each for each in _SENTENCE_ENDS.split(text) if each not in said)


def matter_of(text: str) -> tuple[str, str]:
    """Divide a note into what names the matter, and the rest.

    The first part ends with the first colon or full stop that a blank follows.
    """
    ends = [at for mark in (": ", ". ") if (at := text.find(mark)) >= 0]
    if not ends:
        return text, ""
    end = min(ends) + 1
    return text[:end], text[end + 1 :]
