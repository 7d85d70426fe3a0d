"""The chart of the learning curve: what was measured, and what is expected of more images."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.ticker import NullFormatter

from cxr_tasks.reporting.chart_readings import Curve, Readings
from cxr_tasks.reporting.chart_style import (
    ACCENT,
    MARK,
    MUTED,
    STYLE,
    inline_svg,
    line_style,
    new_figure,
)
from cxr_tasks.statistics.learning_curve_record import CurvePoint, ExpectedAuc, LearningCurveFacts
from cxr_tasks.wording import decimal


def draw_learning_curve(curve: LearningCurveFacts | None) -> Markup | None:
    """Draw AUC against training images, measured and expected, with 95 % intervals.

    Returns:
        None where nothing was measured.
    """
    if curve is None or not curve.points:
        return None
    groups: tuple[tuple[Sequence[CurvePoint | ExpectedAuc], str, str, str, Any], ...] = (
        (curve.points, "measured", MUTED, "o", "-"),
        (curve.expected, "expected", ACCENT, "D", line_style((2.0, 2.0))),
    )
    every: list[CurvePoint | ExpectedAuc] = [*curve.points, *curve.expected]
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.6, 3.0)
        for points, name, color, marker, line in groups:
            sizes, areas = [each.n_images for each in points], [each.auc for each in points]
            for each in points:
                axes.plot([each.n_images] * 2, each.interval, color=color, linewidth=1.2, alpha=0.5)
            look: dict[str, Any] = {"marker": marker, "markersize": 6.5, "linestyle": line}
            if points:
                axes.plot(sizes, areas, color=color, linewidth=1.0, label=name, **look, **MARK)
        axes.set_xscale("log")
        ticks = _ticks([each.n_images for each in every])
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("training images (logarithmic)")
        axes.set_ylabel("AUC, ridge on frozen features")
        axes.legend(loc="lower right", handlelength=2.2)
        told = "; ".join(f"{each.n_images} images {decimal(each.auc)}" for each in every)
        curves = [
            Curve(
                name,
                color,
                [each.n_images for each in points],
                [each.auc for each in points],
                [decimal(each.auc) for each in points],
            )
            for points, name, color, _, _ in groups
        ]
        return inline_svg(
            figure,
            "learning",
            description=f"AUC by training images: {told}.",
            readings=Readings("training images", curves, "{:.0f}".format),
        )


def _ticks(sizes: list[int]) -> list[int]:
    """Return about five of the sizes, each at least half as large again as the one before."""
    ticks: list[int] = []
    for size in sorted(sizes):
        if not ticks or size >= 1.5 * ticks[-1]:
            ticks.append(size)
    return ticks
