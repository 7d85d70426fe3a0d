"""The report's charts: loss and accuracy curves, ROC curves, accuracy against cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cxr_tasks.reporting.chart_labels import LabelledPoint, place_labels
from cxr_tasks.reporting.chart_style import COLORS, STYLE, line_style, new_figure, percent_axes
from cxr_tasks.reporting.svg import MUTED, SURFACE, inline_svg
from cxr_tasks.reporting.variant_colors import INKS

_LEAST_SECONDS = 1e-3  # a logarithmic axis has no zero

_CURVES = (
    ("{}", "training", (2.2, 1.6), 0.75),
    ("val_{}", "validation", (), 1.0),
    ("val_{}_no_lag", "validation, statistics without lag", (6.0, 1.8), 1.0),
)
"""Column, name, dashes and alpha of each line."""


def draw_curve(
    history: pd.DataFrame,
    variant: str,
    *,
    quantity: str,
    best_epoch: int,
    lowest_accuracy: float,
    description: str,
) -> Markup:
    """Draw a quantity of training and validation images over the epochs, the best marked.

    Args:
        history: Columns epoch, loss, accuracy, val_loss, val_accuracy; where the training moved
            batch statistics val_loss_no_lag, val_accuracy_no_lag.
        variant: Whose colour to draw in.
        quantity: `loss` or `accuracy`.
        best_epoch: The epoch whose weights were kept, counted from 1.
        lowest_accuracy: Where the axis of accuracies begins, the same for all variants.
        description: Said in place of the picture to those who do not see it.
    """
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.5, 2.75)
        marker = INKS[variant].marker if len(history) < 3 else ""
        color = INKS[variant].light
        for column, name, dashes, alpha in _CURVES:
            column = column.format(quantity)
            if not has_values(history, column):
                continue
            axes.plot(
                history["epoch"],
                history[column],
                color=color,
                label=name,
                alpha=alpha,
                marker=marker,
                markersize=4,
                linestyle=line_style(dashes),
            )
        _mark_best(axes, history, f"val_{quantity}", best_epoch, variant)
        _label_curve(axes, quantity, lowest_accuracy)
        return inline_svg(figure, f"{quantity}-{variant}", description=description, colors=COLORS)


def has_values(history: pd.DataFrame, column: str) -> bool:
    """Return whether a history has such figures: older ones, and some variants, have not all."""
    return column in history and bool(history[column].notna().any())


def draw_roc(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    titles: Mapping[str, str],
    areas: Mapping[str, float],
    description: str,
) -> Markup:
    """Draw the ROC curves of several variants together, with their areas.

    Args:
        curves: For each variant `fpr` and `tpr`, fractions in [0, 1].
        titles: What a person calls each variant.
        areas: Area under each curve.
        description: Said in place of the picture to those who do not see it.
    """
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.6, 4.3 + 0.2 * (len(curves) + 1))
        axes.plot(
            [0, 1], [0, 1], color=MUTED, linewidth=0.9, dashes=(1, 3), label="AUC 0.500  guessing"
        )
        for name, curve in curves.items():
            axes.plot(
                curve["fpr"],
                curve["tpr"],
                color=INKS[name].light,
                linestyle=line_style(INKS[name].dashes),
                label=f"AUC {areas[name]:.3f}  {titles[name]}",
                clip_on=False,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", anchor="N")
        axes.set_xlabel("normal images called COVID-19 (1 \N{MINUS SIGN} specificity)")
        axes.set_ylabel("COVID-19 images found (sensitivity)")
        percent_axes(axes.xaxis, axes.yaxis)
        figure.legend(*_reordered(axes), loc="outside lower left", handlelength=3.2)
        return inline_svg(figure, "roc", description=description, colors=COLORS)


@dataclass(frozen=True)
class CostPoint:
    """One variant in the picture of accuracy against cost."""

    title: str
    train_seconds: float
    accuracy: float
    interval: tuple[float, float]


def draw_cost(points: Mapping[str, CostPoint], *, part: str, description: str) -> Markup:
    """Draw accuracy, with its interval, against the seconds of preparation and training.

    Args:
        points: By variant.
        part: What the accuracy was measured on, `validation` or `test`.
        description: Said in place of the picture to those who do not see it.
    """
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(5.2, 3.4)
        for name, point in points.items():
            low, high = point.interval
            seconds = max(point.train_seconds, _LEAST_SECONDS)
            ink = INKS[name]
            axes.plot([seconds] * 2, [low, high], color=ink.light, linewidth=1.6, alpha=0.55)
            axes.plot(
                [seconds],
                [point.accuracy],
                ink.marker,
                color=ink.light,
                markersize=8.5,
                markeredgecolor=SURFACE,
                markeredgewidth=1.2,
            )
        _scale_cost(axes, points, part)
        place_labels(figure, axes, [_labelled(name, point) for name, point in points.items()])
        return inline_svg(figure, "cost", description=description, colors=COLORS)


def _labelled(name: str, point: CostPoint) -> LabelledPoint:
    seconds = max(point.train_seconds, _LEAST_SECONDS)
    title = point.title.replace(", ", "\n")
    return LabelledPoint(title, INKS[name].light, seconds, point.accuracy, point.interval)


def _mark_best(
    axes: Axes, history: pd.DataFrame, column: str, best_epoch: int, variant: str
) -> None:
    axes.axvline(best_epoch, color=MUTED, linewidth=0.8, dashes=(1, 2))
    at_best = history.loc[history["epoch"] == best_epoch, column]
    axes.plot(
        [best_epoch] * len(at_best),
        at_best,
        INKS[variant].marker,
        color=INKS[variant].light,
        markersize=7,
        markeredgecolor=SURFACE,
        markeredgewidth=1.2,
        zorder=5,
        label=f"kept, epoch {best_epoch}",
    )


def _label_curve(axes: Axes, quantity: str, lowest_accuracy: float) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(visible=False, axis="x")
    if quantity == "accuracy":
        axes.set_ylim(lowest_accuracy, 1.01)
        axes.set_ylabel("accuracy")
        percent_axes(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
        axes.set_ylabel("loss (cross-entropy)")
    n_columns = 3 if len(axes.get_legend_handles_labels()[1]) < 4 else 2
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=n_columns,
        handlelength=1.9,
        columnspacing=1.3,
    )
    legend.set_in_layout(True)


def _scale_cost(axes: Axes, points: Mapping[str, CostPoint], part: str) -> None:
    seconds = [max(point.train_seconds, _LEAST_SECONDS) for point in points.values()]
    axes.set_xscale("log")
    # Room for the labels on both sides, also where all trainings took the same time.
    axes.set_xlim(min(seconds) / 2.5, max(seconds) * 2.5)
    lowest = min(point.interval[0] for point in points.values())
    axes.set_ylim(max(0.0, lowest - 0.04), 1.004)  # room for a marker, too little for a tick
    axes.set_xlabel("training in seconds, preparation included (logarithmic)")
    axes.set_ylabel(f"accuracy on {part} images")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: _minor_tick(value, seconds))
    percent_axes(axes.yaxis)


def _minor_tick(value: float, seconds: Sequence[float]) -> str:
    """Label twos and fives as well where the axis spans little more than a decade."""
    first_digit = f"{value:e}"[0]
    return f"{value:g}" if first_digit in "25" and max(seconds) < 30 * min(seconds) else ""


def _reordered(axes: Axes) -> tuple[list[Any], list[Any]]:
    """Put chance, drawn first so that it lies below, last in the legend."""
    handles, names = axes.get_legend_handles_labels()
    return [*handles[1:], handles[0]], [*names[1:], names[0]]
