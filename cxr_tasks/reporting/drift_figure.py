"""How quantities of the champion's images and of new ones are spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from cxr_tasks.reporting.chart_style import STYLE, new_figure
from cxr_tasks.reporting.svg import MUTED, SURFACE, inline_svg

_ACCENT = "#0d0e0f"  # stands in for the page's own
_SIDES = {"champion": ("champion's", MUTED), "run": ("new", _ACCENT)}
_GAP = 0.5  # between classes, in rows


def draw_drift(drift: Mapping[str, Any] | None) -> dict[str, Markup]:
    """Draw each quantity that was compared: its quantiles in both data sets, class by class.

    Args:
        drift: The audit's `drift`; None where there was no champion.

    Returns:
        A picture for each quantity, by its title.
    """
    by_figure: dict[str, list[Mapping[str, Any]]] = {}
    for check in (drift or {}).get("checks", []):
        if "run" in check:
            by_figure.setdefault(check["figure"], []).append(check)
    return {checks[0]["title"]: _draw(checks) for checks in by_figure.values()}


def _draw(checks: Sequence[Mapping[str, Any]]) -> Markup:
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.2, 0.5 + 0.66 * len(checks))
        ticks: dict[float, str] = {}
        for number, check in enumerate(checks):
            for row, (side, (name, color)) in enumerate(_SIDES.items()):
                at = number * (len(_SIDES) + _GAP) + row
                ticks[at] = f"{check['class']}, {name}"
                _draw_spread(axes, check[side]["quantiles"], at, color)
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.set_ylim(max(ticks) + 0.6, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(checks[0]["unit"])
        return inline_svg(
            figure,
            f"drift-{checks[0]['figure']}",
            description=_in_words(checks),
            colors={_ACCENT: "--accent"},
        )


def _draw_spread(axes: Axes, quantiles: Sequence[float], at: float, color: str) -> None:
    """Draw the middle 90 % as a thin line, the middle half as a thick one, the median as a dot."""
    lowest, low, median, high, highest = quantiles
    axes.plot([lowest, highest], [at, at], color=color, linewidth=1.2, solid_capstyle="butt")
    axes.plot([low, high], [at, at], color=color, linewidth=5, alpha=0.55, solid_capstyle="butt")
    axes.plot(
        [median], [at], "o", color=color, markersize=7, markeredgecolor=SURFACE, markeredgewidth=1.2
    )


def _in_words(checks: Sequence[Mapping[str, Any]]) -> str:
    told = "; ".join(
        f"{check['class']} {check['champion']['quantiles'][2]:g} with the champion, "
        f"{check['run']['quantiles'][2]:g} new"
        for check in checks
    )
    return f"Medians of {checks[0]['title']} ({checks[0]['unit']}): {told}."
