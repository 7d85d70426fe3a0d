"""The reliability diagram: what probabilities say against what happened."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from cxr_tasks.reporting.chart_style import COLORS, STYLE, line_style, new_figure, percent_axes
from cxr_tasks.reporting.svg import MUTED, SURFACE, inline_svg
from cxr_tasks.reporting.variant_colors import INKS


def draw_reliability(variant: str, calibration: Mapping[str, Any], *, description: str) -> Markup:
    """Draw a variant's bins, as they are and where there are scaled scores also those.

    Args:
        variant: Whose colour to draw in.
        calibration: `raw` and `scaled` reliability, as `evaluation.statistics` gives them.
        description: Said in place of the picture to those who do not see it.
    """
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.2, 3.85)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, dashes=(1, 3), label="perfect")
        ink = INKS[variant]
        if calibration["scaled"] is not None:
            _draw_bins(axes, calibration["scaled"]["bins"], color=MUTED, marker="o", small=True)
        _draw_bins(axes, calibration["raw"]["bins"], color=ink.light, marker=ink.marker)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", anchor="N")
        axes.set_xlabel("mean probability of COVID-19 in the bin")
        axes.set_ylabel("images of the bin that are COVID-19")
        percent_axes(axes.xaxis, axes.yaxis)
        axes.legend(loc="upper left", handlelength=2.2)
        return inline_svg(figure, f"reliability-{variant}", description=description, colors=COLORS)


def _draw_bins(
    axes: Axes, bins: list[dict[str, Any]], *, color: str, marker: str, small: bool = False
) -> None:
    for each in bins:
        low, high = each["interval"]
        axes.plot([each["mean_score"]] * 2, [low, high], color=color, linewidth=1.2, alpha=0.45)
    axes.plot(
        [each["mean_score"] for each in bins],
        [each["observed"] for each in bins],
        color=color,
        marker=marker,
        markersize=5 if small else 7.5,
        markeredgecolor=SURFACE,
        markeredgewidth=1.0,
        linewidth=1.0,
        linestyle=line_style((2.0, 2.0) if small else ()),
        alpha=0.8 if small else 1.0,
        label="after temperature" if small else "as the model gives",
    )
