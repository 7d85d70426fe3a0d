"""Every figure of one variant, each with its interval."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from cxr_tasks.statistics.calibration import reliability
from cxr_tasks.statistics.figures_record import (
    CalibrationFacts,
    FigureFacts,
    FoldMeasures,
    FoldSpread,
    IndependentInterval,
    MetricFigures,
    OperatingPoint,
    StatisticsFacts,
)
from cxr_tasks.statistics.intervals import delong_interval
from cxr_tasks.statistics.metrics import count_cells, measure, measure_calls, name_cells
from cxr_tasks.statistics.repeats import describe_repeats
from cxr_tasks.statistics.resampling import (
    Resamples,
    average_precision_of,
    estimate,
    estimate_auc,
    mean_of,
)
from cxr_tasks.statistics.scores import ScoredImages, predict

_MIN_SCORE = float(np.finfo(np.float64).eps)  # as scikit-learn clips for its log loss


def describe(
    scored: ScoredImages,
    resamples: Resamples,
    *,
    prevalence: float,
    min_sensitivity: float,
    temperatures: Sequence[float],
    seed: int,
) -> StatisticsFacts:
    """Measure a variant on the images of the basis.

    Args:
        scored: Its scores.
        resamples: Draws of the images' groups, the same for every variant.
        prevalence: For the predictive values, in (0, 1).
        min_sensitivity: What the cut-offs in `scored` were chosen for.
        temperatures: What the calibrated scores in `scored` were made with, one a fold.
        seed: Decides simulated labels.
    """
    labels, scores = scored.labels, scored.scores
    rates, values = measure_calls(labels, predict(scores), resamples, prevalence=prevalence)
    return StatisticsFacts(
        n_images=len(scored),
        n_covid=int((labels == 1).sum()),
        n_normal=int((labels == 0).sum()),
        n_groups=len(np.unique(scored.groups)),
        metrics=MetricFigures(**rates, **_of_probabilities(scored, resamples)),
        by_fold=_by_fold(scored),
        calibration=CalibrationFacts(
            raw=reliability(labels, scores, seed=seed),
            scaled=None
            if scored.calibrated is None
            else reliability(labels, scored.calibrated, seed=seed),
            temperature=_spread(temperatures) if len(temperatures) else None,
        ),
        operating_point=_operating_point(scored, resamples, prevalence, min_sensitivity),
        predictive_values=values,
        repeats=describe_repeats(scored),
    )


def _of_probabilities(scored: ScoredImages, resamples: Resamples) -> dict[str, FigureFacts]:
    labels, scores = scored.labels, scored.scores
    certain = np.clip(np.where(labels == 1, scores, 1 - scores), _MIN_SCORE, 1)
    delong = IndependentInterval(method="DeLong", interval=delong_interval(labels, scores))
    area = estimate_auc(labels, scores, resamples)
    others = {
        "average_precision": average_precision_of(labels, scores),
        "loss": mean_of(-np.log(certain)),
        "brier": mean_of((scores - labels) ** 2),
    }
    figures = {
        name: FigureFacts(**estimate(statistic, resamples).content(), independent=None)
        for name, statistic in others.items()
    }
    return figures | {"roc_auc": FigureFacts(**area.content(), independent=delong)}


def _by_fold(scored: ScoredImages) -> list[FoldMeasures]:
    if scored.folds is None:
        return []
    found = []
    for fold in np.unique(scored.folds):
        inside = scored.folds == fold
        measured = measure(scored.labels[inside], scored.scores[inside])
        found.append(FoldMeasures(fold=int(fold), **measured.fields_of(FoldMeasures)))
    return found


def _operating_point(
    scored: ScoredImages, resamples: Resamples, prevalence: float, min_sensitivity: float
) -> OperatingPoint | None:
    if scored.cutoffs is None:
        return None
    calls = (scored.scores >= scored.cutoffs).astype(np.int64)
    rates, values = measure_calls(scored.labels, calls, resamples, prevalence=prevalence)
    return OperatingPoint(
        min_sensitivity=min_sensitivity,
        cutoff=_spread(scored.cutoffs.tolist()),
        confusion=name_cells(count_cells(scored.labels, calls)),
        sensitivity=rates["sensitivity"],
        specificity=rates["specificity"],
        ppv=values.ppv,
        npv=values.npv,
    )


def _spread(values: Sequence[float]) -> FoldSpread:
    return FoldSpread(
        median=float(median(values)), least=float(min(values)), most=float(max(values))
    )
