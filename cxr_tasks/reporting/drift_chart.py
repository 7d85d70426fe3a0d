"""The charts of drift: each quantity in the champion's data set and in this one."""

from collections.abc import Sequence

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from cxr_tasks.audit.drift_record import DriftCheck, DriftFacts
from cxr_tasks.reporting.chart_style import ACCENT, MARK, MUTED, STYLE, inline_svg, new_figure


def draw_drift(drift: DriftFacts | None) -> dict[str, Markup]:
    """Draw each quantity that was compared: its quantiles in both data sets, class by class.

    Args:
        drift: The audit's `drift`; None where there was no champion.

    Returns:
        A picture for each quantity, by its title.
    """
    by_figure: dict[str, list[DriftCheck]] = {}
    for check in drift.checks if drift and drift.status == "compared" else ():
        if check.run:
            by_figure.setdefault(check.figure, []).append(check)
    return {checks[0].title: _draw_quantity(checks) for checks in by_figure.values()}


def _draw_quantity(checks: Sequence[DriftCheck]) -> Markup:
    ticks: dict[float, str] = {}
    medians = []
    title, unit = checks[0].title, checks[0].unit
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.2, 0.5 + 0.66 * len(checks))
        for number, check in enumerate(checks):
            before, now = (each.quantiles if each else [] for each in (check.champion, check.run))
            sides = ((before, "champion's", MUTED), (now, "new", ACCENT))
            for row, (quantiles, name, color) in enumerate(sides):
                at = 2.5 * number + row  # half a row between the classes
                ticks[at] = f"{check.class_name}, {name}"
                _draw_spread(axes, quantiles, at, color)
            medians.append(f"{check.class_name} {before[2]:g} with the champion, {now[2]:g} new")
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.set_ylim(max(ticks) + 0.6, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(unit)
        description = f"Medians of {title} ({unit}): {'; '.join(medians)}."
        return inline_svg(figure, f"drift-{checks[0].figure}", description=description)


def _draw_spread(axes: Axes, quantiles: Sequence[float], at: float, color: str) -> None:
    """Draw the middle 90 % as a thin line, the middle half as a thick one, the median as a dot."""
    lowest, low, median, high, highest = quantiles
    axes.plot([lowest, highest], [at, at], color=color, linewidth=1.2, solid_capstyle="butt")
    axes.plot([low, high], [at, at], color=color, linewidth=5, alpha=0.55, solid_capstyle="butt")
    axes.plot([median], [at], "o", color=color, markersize=7, **MARK)
