"""The report's charts: training curves, ROC, accuracy against cost."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

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
from cxr_tasks.reporting.report_record import ReportVariant
from cxr_tasks.statistics.figures_record import Basis, RocCurve
from cxr_tasks.statistics.scores import FloatArray
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import PART_NAMES, decimal, percent

_CURVES = (
    ("{}", "training", (2.2, 1.6), 0.75),
    ("val_{}", "validation", (), 1.0),
    ("val_{}_no_lag", "validation, statistics without lag", (6.0, 1.8), 1.0),
)
"""Column, name, dashes and alpha of each line."""
_MAX_RATES = 51
_MIN_SECONDS = 1e-3  # a logarithmic axis has no zero


def draw_curve(
    history: pd.DataFrame, variant: str, *, quantity: str, best_epoch: int, min_accuracy: float
) -> Markup:
    """Draw a quantity of training and validation images over the epochs, the best marked.

    Args:
        history: Columns epoch, loss, accuracy, val_loss, val_accuracy; where the training moved
            batch statistics val_loss_no_lag, val_accuracy_no_lag.
        variant: Whose colour to draw in.
        quantity: `loss` or `accuracy`.
        best_epoch: The epoch whose weights were kept, counted from 1.
        min_accuracy: Where the axis of accuracies begins, the same for all variants.
    """
    style, epochs = VARIANT_STYLES[variant], history["epoch"]
    ends, curves = [], []
    tell = percent if quantity == "accuracy" else decimal
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.5, 2.75)
        for column, name, dashes, alpha in _CURVES:
            if not _has_values(history, column.format(quantity)):
                continue
            values = history[column.format(quantity)]
            axes.plot(
                epochs,
                values,
                color=style.light,
                label=name,
                alpha=alpha,
                marker=style.marker if len(history) < 3 else "",
                markersize=4,
                linestyle=line_style(dashes),
            )
            ends.append(f"{name} from {values.iloc[0]:.3f} to {values.iloc[-1]:.3f}")
            curves.append(Curve(name, style.light, epochs, values, [tell(each) for each in values]))
        axes.axvline(best_epoch, color=MUTED, linewidth=0.8, dashes=(1, 2))
        at_best = history.loc[epochs == best_epoch, f"val_{quantity}"]
        axes.plot(
            [best_epoch] * len(at_best),
            at_best,
            style.marker,
            color=style.light,
            markersize=7,
            zorder=5,
            label=f"kept, epoch {best_epoch}",
            **MARK,
        )
        _label_curve(axes, quantity, min_accuracy)
        title = VARIANTS[variant].title
        description = f"{title}, {quantity} over {len(history)} epochs: {', '.join(ends)}."
        readings = Readings("epoch", curves, "{:g}".format)
        return inline_svg(
            figure, f"{quantity}-{variant}", description=description, readings=readings
        )


def min_accuracy(histories: Iterable[pd.DataFrame]) -> float:
    """Return where axes of accuracy may begin so that they hold all of these trainings."""
    lowest = min(
        float(history[column].min())
        for history in histories
        for column in ("accuracy", "val_accuracy", "val_accuracy_no_lag")
        if _has_values(history, column)
    )
    return max(0.0, math.floor(lowest * 10 - 0.2) / 10)


def _has_values(history: pd.DataFrame, column: str) -> bool:
    """Return whether a history has such figures: older ones, and some variants, have not all."""
    return column in history and bool(history[column].notna().any())


def _label_curve(axes: Axes, quantity: str, min_accuracy: float) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(visible=False, axis="x")
    if quantity == "accuracy":
        axes.set_ylim(min_accuracy, 1.01)
        axes.set_ylabel("accuracy")
        percent_axes(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
        axes.set_ylabel("loss (cross-entropy)")
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=3 if len(axes.get_legend_handles_labels()[1]) < 4 else 2,
        handlelength=1.9,
        columnspacing=1.3,
    )
    legend.set_in_layout(True)


def draw_roc(trained: Mapping[str, ReportVariant], *, basis: Basis) -> Markup | None:
    """Draw the ROC curves of several variants together, with their areas.

    Args:
        trained: Each variant that finished, with its curves.
        basis: Which images they are of.

    Returns:
        None where these have one class only, so that there is no curve.
    """
    measured = {name: facts.measured[basis] for name, facts in trained.items()}
    curves = {name: each.roc for name, each in measured.items() if each.roc}
    areas = {name: each.roc_auc for name, each in measured.items() if each.roc}
    if not curves:
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(4.6, 4.3 + 0.2 * (len(curves) + 1))
        guess: dict[str, Any] = {"linewidth": 0.9, "dashes": (1, 3), "label": "AUC 0.500  guessing"}
        axes.plot([0, 1], [0, 1], color=MUTED, **guess)
        for name, curve in curves.items():
            axes.plot(
                curve.fpr,
                curve.tpr,
                color=VARIANT_STYLES[name].light,
                linestyle=line_style(VARIANT_STYLES[name].dashes),
                label=f"AUC {areas[name]:.3f}  {VARIANTS[name].title}",
                clip_on=False,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", anchor="N")
        axes.set_xlabel("normal images called COVID-19 (1 \N{MINUS SIGN} specificity)")
        axes.set_ylabel("COVID-19 images found (sensitivity)")
        percent_axes(axes.xaxis, axes.yaxis)
        # Guessing, drawn first so that it lies below, stands last.
        handles, names = ([*each[1:], each[0]] for each in axes.get_legend_handles_labels())
        figure.legend(handles, names, loc="outside lower left", handlelength=3.2)
        listed = ", ".join(f"{VARIANTS[name].title} {area:.3f}" for name, area in areas.items())
        description = f"ROC curves on {PART_NAMES[basis]} images. Areas under them: {listed}."
        return inline_svg(figure, "roc", description=description, readings=_read_roc(curves))


def _read_roc(curves: Mapping[str, RocCurve]) -> Readings:
    """Read all curves at the same rates: at each that one has, or if these are many, evenly."""
    rates = np.unique(np.concatenate([curve.fpr for curve in curves.values()]))
    if len(rates) > _MAX_RATES:
        rates = np.linspace(0, 1, _MAX_RATES)
    found = {name: _height(curve, rates) for name, curve in curves.items()}
    read = [
        Curve(
            VARIANTS[name].title,
            VARIANT_STYLES[name].light,
            rates,
            values,
            [f"{percent(value)} found" for value in values],
        )
        for name, values in found.items()
    ]
    return Readings("false alarms", read, percent)


def _height(curve: RocCurve, rates: FloatArray) -> FloatArray:
    """Return how high a curve is at some rates: its upper end where it rises steeply."""
    fpr, tpr = np.asarray(curve.fpr), np.asarray(curve.tpr)
    reached = np.searchsorted(fpr, rates, side="right") - 1
    following = np.minimum(reached + 1, len(fpr) - 1)
    width = fpr[following] - fpr[reached]
    share = np.divide(rates - fpr[reached], width, out=np.zeros_like(rates), where=width > 0)
    height: FloatArray = tpr[reached] + share * (tpr[following] - tpr[reached])
    return height


def draw_cost(trained: Mapping[str, ReportVariant], *, basis: Basis) -> Markup:
    """Draw accuracy, with its interval, against the seconds of preparation and training.

    Args:
        trained: The report's facts of each variant that finished.
        basis: What the accuracy was measured on.
    """
    listed, curves = [], []
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(5.2, 3.4)
        for name, facts in trained.items():
            style, accuracy = VARIANT_STYLES[name], facts.headline.accuracy
            seconds = max(facts.total_seconds, _MIN_SECONDS)
            ends = accuracy.interval or []
            axes.plot([seconds] * len(ends), ends, color=style.light, linewidth=1.6, alpha=0.55)
            axes.plot(
                [seconds],
                [accuracy.value or 0.0],
                style.marker,
                color=style.light,
                markersize=8.5,
                label=VARIANTS[name].title,
                **MARK,
            )
            title, value = VARIANTS[name].title, percent(accuracy.value)
            listed.append(f"{title} {value} after {facts.total_seconds:.1f} s")
            curves.append(Curve(title, style.light, [seconds], [accuracy.value or 0.0], [value]))
        all_seconds = [max(facts.total_seconds, _MIN_SECONDS) for facts in trained.values()]
        lowest = min((facts.headline.accuracy.interval or [0.0])[0] for facts in trained.values())
        _scale_seconds(axes, min(all_seconds), max(all_seconds))
        axes.set_ylim(max(0.0, lowest - 0.04), 1.004)  # room for a marker, too little for a tick
        axes.set_ylabel(f"accuracy on {PART_NAMES[basis]} images")
        percent_axes(axes.yaxis)
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.2)
        description = f"Accuracy against training time: {'; '.join(listed)}."
        readings = Readings("training", curves, "{:.1f} s".format)
        return inline_svg(figure, "cost", description=description, readings=readings)


def _scale_seconds(axes: Axes, lowest: float, highest: float) -> None:
    def minor_tick(value: float, _: object) -> str:
        """Label twos and fives as well where the axis spans little more than a decade."""
        return f"{value:g}" if f"{value:e}"[0] in "25" and highest < 30 * lowest else ""

    axes.set_xscale("log")
    axes.set_xlim(lowest / 1.6, highest * 1.6)  # also where all trainings took the same time
    axes.set_xlabel("training in seconds, preparation included (logarithmic)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(minor_tick)
