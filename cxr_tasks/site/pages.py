"""Fills the templates of the pages; they look like the report, and need no script."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment

from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.site.comparison import Comparison
from cxr_tasks.site.listing import MEASURES, Listing
from cxr_tasks.site.notice import Notice
from cxr_tasks.site.trend import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Trend
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import NONE, PART_NAMES, VERDICT_NAMES, one_line


def runs_page(listing: Listing, trend: Trend | None, ready: Sequence[str], *, base: str) -> str:
    """Show all runs as a table, with the trend above it.

    Args:
        listing: The rows.
        trend: None where there is nothing to draw.
        ready: The names of the newest runs with a report: the two that are offered to compare.
        base: Where these pages are mounted, such as `/cxr`.
    """
    return _fill("runs.html.j2", base, listing=listing, view=listing.view, trend=trend, ready=ready)


def compare_page(comparison: Comparison, *, base: str) -> str:
    """Show two runs side by side."""
    return _fill("compare.html.j2", base, comparison=comparison)


def notice_page(notice: Notice, *, base: str) -> str:
    """Show why there is no report, and where to look."""
    return _fill("notice.html.j2", base, notice=notice)


def utc(seconds: float) -> str:
    """Say a time as a person reads it, in UTC: `2026-01-31 03:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def variant_title(name: str | None) -> str:
    """Return what a person calls a recommended variant; a name from elsewhere stays as it is."""
    if name is None:
        return NONE
    return VARIANTS[name].title if name in VARIANTS else one_line(name, 40)


def _fill(template: str, base: str, **context: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            base=base,
            variants=VARIANTS,
            measures=MEASURES,
            part_names=PART_NAMES,
            verdict_names=VERDICT_NAMES,
            **context,
        )
    )


@cache
def _environment() -> Environment:
    environment = make_environment("cxr_tasks.site")
    environment.filters |= {"utc": utc, "variant_title": variant_title}
    environment.globals["frame"] = {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
    }
    return environment
