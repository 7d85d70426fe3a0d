"""The growing curves of a run's trainings: what stands in the two charts of each variant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cxr_tasks.site.line_chart import Curve, LineChart, draw_lines, range_of
from cxr_tasks.variants import VARIANTS
from cxr_tasks.watching.fit_log import Epoch
from cxr_tasks.watching.run_progress import FitCurve, RunProgress, TrainingProgress

_MAX_POINTS = 480
"""Of all curves of a chart together: many folds share them, so that an answer stays small."""

_MIN_POINTS = 24
_MAX_IN_TOOLTIP = 6


@dataclass(frozen=True)
class VariantCurves:
    """The two charts of a variant."""

    loss: LineChart
    accuracy: LineChart


def curves_of(progress: RunProgress) -> dict[str, VariantCurves]:
    """Draw the curves of every training that has begun, by variant."""
    return {
        task.variant: _draw(task.variant, task.training)
        for task in progress.trainings
        if task.training
    }


def _draw(variant: str, training: TrainingProgress) -> VariantCurves:
    title, fits = VARIANTS[variant].title, _thinned(training.fits)
    now = next((fit for fit in fits if fit.name == training.fit), fits[-1])
    losses = [epoch.val_loss for fit in fits for epoch in fit.epochs]
    loss = draw_lines(
        [*_val_curves(fits, now, variant, "val_loss"), _train_curve(now, "loss")],
        title="Loss",
        x_label="epoch",
        y_range=range_of([*losses, *(epoch.loss for epoch in now.epochs)], least=0.0),
        description=f"{title}: loss by epoch. {_figures_said(now)}",
    )
    accuracies = [epoch.val_accuracy for fit in fits for epoch in fit.epochs]
    accuracy = draw_lines(
        _val_curves(fits, now, variant, "val_accuracy"),
        title="Validation accuracy",
        x_label="epoch",
        y_range=(min(0.4, math.floor(10 * min(accuracies)) / 10), 1.0),
        text=lambda value: f"{100 * value:.1f} %",
        tick_text=lambda value: f"{100 * value:.0f} %",
        description=f"{title}: validation accuracy by epoch. {_figures_said(now)}",
    )
    return VariantCurves(loss, accuracy)


def _val_curves(fits: Sequence[FitCurve], now: FitCurve, variant: str, figure: str) -> list[Curve]:
    """Return a curve of every fit; that of the present one is told apart, and lies on top."""
    return [
        Curve(
            fit.name or "validation",
            [(epoch.number, getattr(epoch, figure)) for epoch in fit.epochs],
            ink=f"var(--ink-{variant})",
            faint=fit is not now,
            in_tooltip=fit is now or len(fits) <= _MAX_IN_TOOLTIP,
        )
        for fit in [*(each for each in fits if each is not now), now]
    ]


def _train_curve(fit: FitCurve, figure: str) -> Curve:
    points = [(epoch.number, getattr(epoch, figure)) for epoch in fit.epochs]
    name = f"{fit.name}, training" if fit.name else "training"
    return Curve(name, points, ink="var(--muted)", dashes=(2, 3))


def _thinned(fits: Sequence[FitCurve]) -> list[FitCurve]:
    fits = [fit for fit in fits if fit.epochs]
    n = max(_MIN_POINTS, _MAX_POINTS // max(1, len(fits)))
    return [FitCurve(fit.name, _some(fit.epochs, n)) for fit in fits]


def _some(epochs: tuple[Epoch, ...], n: int) -> tuple[Epoch, ...]:
    """Return every so many of the epochs, at most about `n`, and the last."""
    every = -(-len(epochs) // n)
    return (*epochs[:-1:every], epochs[-1]) if every > 1 else epochs


def _figures_said(fit: FitCurve) -> str:
    last = fit.epochs[-1]
    which = f"{fit.name}, " if fit.name else ""
    return (
        f"{which}epoch {last.number}: training loss {last.loss:.3f}, validation loss "
        f"{last.val_loss:.3f}, validation accuracy {100 * last.val_accuracy:.1f} %"
    )
