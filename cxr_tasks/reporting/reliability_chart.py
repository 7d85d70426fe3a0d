"""The reliability diagram: how often images are COVID-19 that a model gives a probability."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from cxr_tasks.reporting.chart_readings import Curve, Readings
from cxr_tasks.reporting.chart_style import (
    MARK,
    MUTED,
    STYLE,
    VARIANT_STYLES,
    inline_svg,
    line_style,
    new_figure,
    percent_axes,
)
from cxr_tasks.statistics.figures_record import CalibrationFacts, ReliabilityBin
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import percent


def draw_reliability(variant: str, calibration: CalibrationFacts) -> Markup:
    """Draw a variant's bins, as they are and where there are scaled scores also those.

    Args:
        variant: Whose colour to draw in.
        calibration: Its probabilities as they come and, where there are any, scaled.
    """
    style, scaled = VARIANT_STYLES[variant], calibration.scaled
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(3.2, 3.4)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, dashes=(1, 3), label="perfect")
        if scaled is not None:
            look: dict[str, Any] = {"color": MUTED, "marker": "o", "markersize": 5, "alpha": 0.8}
            dashed = line_style((2.0, 2.0))
            _draw_bins(axes, scaled.bins, linestyle=dashed, label="after temperature", **look)
        look = {"color": style.light, "marker": style.marker, "markersize": 7.5}
        _draw_bins(axes, calibration.raw.bins, label="as the model gives", **look)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", anchor="N")
        axes.set_xlabel("mean probability of COVID-19 in the bin")
        axes.set_ylabel("images of the bin that are COVID-19")
        percent_axes(axes.xaxis, axes.yaxis)
        # below the axes: within them it would lie on the bins
        figure.legend(loc="outside lower center", ncols=2, handlelength=1.8, columnspacing=1.2)
        bins = "; ".join(
            f"said {percent(each.mean_score)}, are {percent(each.observed)}"
            for each in calibration.raw.bins
        )
        description = f"Reliability diagram of {VARIANTS[variant].title}. By bin: {bins}."
        return inline_svg(
            figure,
            f"reliability-{variant}",
            description=description,
            readings=_readings(calibration, style.light),
        )


def _readings(calibration: CalibrationFacts, color: str) -> Readings:
    series = [("as the model gives", color, calibration.raw.bins)]
    if calibration.scaled is not None:
        series.append(("after temperature", MUTED, calibration.scaled.bins))
    curves = [
        Curve(
            name,
            ink,
            [each.mean_score for each in bins],
            [each.observed for each in bins],
            [f"{percent(each.observed)} are" for each in bins],
        )
        for name, ink, bins in series
    ]
    return Readings("probability", curves, percent)


def _draw_bins(axes: Axes, bins: Sequence[ReliabilityBin], *, color: str, **look: Any) -> None:
    for each in bins:
        axes.plot(
            [each.mean_score] * 2,
            each.interval or [each.observed] * 2,
            color=color,
            linewidth=1.2,
            alpha=0.45,
        )
    scores, observed = [each.mean_score for each in bins], [each.observed for each in bins]
    axes.plot(scores, observed, color=color, linewidth=1.0, **MARK, **look)
