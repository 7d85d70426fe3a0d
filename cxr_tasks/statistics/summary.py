"""Every figure of one variant, each with its interval."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from cxr_tasks.statistics.calibration import reliability
from cxr_tasks.statistics.intervals import delong_interval
from cxr_tasks.statistics.metrics import measure, predict
from cxr_tasks.statistics.predictive_values import describe_predictive_values
from cxr_tasks.statistics.rates import cells_of, measure_rates, number
from cxr_tasks.statistics.resampling import (
    Resamples,
    WeightArray,
    auc_interval,
    auc_of,
    average_precision_of,
    confusion_of,
    mean_of,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scored import Scored

_LEAST_SCORE = float(np.finfo(np.float64).eps)  # as scikit-learn clips for its log loss

Facts = dict[str, Any]


def describe(
    scored: Scored,
    resamples: Resamples,
    *,
    prevalence: float,
    min_sensitivity: float,
    temperatures: Sequence[float],
    seed: int,
) -> Facts:
    """Measure a variant on the images of the basis.

    Args:
        scored: Its scores.
        resamples: Draws of the images' groups, the same for every variant.
        prevalence: For the predictive values, in (0, 1).
        min_sensitivity: What the cut-offs in `scored` were chosen for.
        temperatures: What the calibrated scores in `scored` were made with, one a fold.
        seed: Decides simulated labels.

    Returns:
        Figures as JSON knows them; None where one is undefined.
    """
    labels, predictions = scored.labels, predict(scored.scores)
    rates = measure_rates(labels, predictions, resamples)
    values = describe_predictive_values(
        labels, predictions, resamples, rates=rates, prevalence=prevalence
    )
    return {
        "n_images": len(scored),
        "n_covid": int((labels == 1).sum()),
        "n_normal": int((labels == 0).sum()),
        "n_groups": len(np.unique(scored.groups)),
        "metrics": rates | _of_scores(scored, resamples),
        "by_fold": _by_fold(scored),
        "calibration": _calibration(scored, temperatures, seed),
        "operating_point": _operating_point(scored, resamples, prevalence, min_sensitivity),
        "predictive_values": {"prevalence": prevalence, **values},
    }


def _of_scores(scored: Scored, resamples: Resamples) -> Facts:
    """Measure what follows from the probabilities themselves."""
    labels, scores = scored.labels, scored.scores
    certain = np.clip(np.where(labels == 1, scores, 1 - scores), _LEAST_SCORE, 1)
    statistics = {
        "roc_auc": auc_of(labels, scores),
        "average_precision": average_precision_of(labels, scores),
        "loss": mean_of(-np.log(certain)),
        "brier": mean_of((scores - labels) ** 2),
    }
    everyone: WeightArray = np.ones((1, len(scored)))
    figures: Facts = {
        name: {
            "value": number(statistic(everyone)[0]),
            "interval": percentile_interval(resampled(resamples, statistic)),
            "independent": None,
        }
        for name, statistic in statistics.items()
    }
    figures["roc_auc"] |= {
        "interval": auc_interval(labels, scores, resamples),
        "independent": {"method": "DeLong", "interval": delong_interval(labels, scores)},
    }
    return figures


def _by_fold(scored: Scored) -> list[Facts]:
    if not scored.folds.any():
        return []
    told = []
    for fold in np.unique(scored.folds):
        inside = scored.folds == fold
        figures = measure(scored.labels[inside], scored.scores[inside])
        kept = ("n_images", "n_covid", "roc_auc", "accuracy")
        told.append({"fold": int(fold), **{key: figures[key] for key in kept}})
    return told


def _calibration(scored: Scored, temperatures: Sequence[float], seed: int) -> Facts:
    labels, scaled = scored.labels, scored.calibrated
    return {
        "raw": reliability(labels, scored.scores, seed=seed),
        "scaled": None if scaled is None else reliability(labels, scaled, seed=seed),
        "temperature": _spread(temperatures) if len(temperatures) else None,
    }


def _operating_point(
    scored: Scored, resamples: Resamples, prevalence: float, min_sensitivity: float
) -> Facts | None:
    if scored.cutoffs is None:
        return None
    decisions = (scored.scores >= scored.cutoffs).astype(np.int64)
    rates = measure_rates(scored.labels, decisions, resamples)
    values = describe_predictive_values(
        scored.labels, decisions, resamples, rates=rates, prevalence=prevalence
    )
    counts = confusion_of(scored.labels, decisions)(np.ones((1, len(scored))))[0]
    return {
        "min_sensitivity": min_sensitivity,
        "cutoff": _spread(scored.cutoffs.tolist()),
        "confusion": cells_of(counts),
        "sensitivity": rates["sensitivity"],
        "specificity": rates["specificity"],
        **values,
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": float(median(values)),
        "least": float(min(values)),
        "most": float(max(values)),
    }
