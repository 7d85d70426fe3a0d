"""What follows from calls of COVID-19 or normal: accuracy, sensitivity and their like."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.resampling import Resamples, confusion_of, percentile_interval, resampled
from cxr_tasks.statistics.scored import FloatArray, IntArray

_RATES = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1")
_PROPORTIONS = {
    "accuracy": (("true_positive", "true_negative"), ("false_positive", "false_negative")),
    "sensitivity": (("true_positive",), ("false_negative",)),
    "specificity": (("true_negative",), ("false_positive",)),
    "precision": (("true_positive",), ("false_positive",)),
}

Facts = dict[str, Any]
BoolArray = npt.NDArray[np.bool_]


def measure_rates(labels: IntArray, predictions: IntArray, resamples: Resamples) -> Facts:
    """Measure all rates, each with its interval over groups, and Wilson's beside it.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        predictions: Shape (n,); 1 is a call of COVID-19.
        resamples: Draws of the images' groups.
    """
    count = confusion_of(labels, predictions)
    counted = count(np.ones((1, len(labels))))
    values, drawn = rates_of(counted), rates_of(resampled(resamples, count))
    cells = cells_of(counted[0])
    tried = {
        "accuracy": np.ones(len(labels), dtype=np.bool_),
        "sensitivity": labels == 1,
        "specificity": labels == 0,
        "precision": predictions == 1,
    }
    return {
        name: {
            "value": number(values[name][0]),
            "interval": _interval(name, drawn[name], values[name][0], tried, resamples),
            "independent": _wilson(name, cells),
        }
        for name in _RATES
    }


def _interval(
    name: str, drawn: FloatArray, value: float, tried: Mapping[str, BoolArray], resamples: Resamples
) -> list[float] | None:
    """Give the bootstrap's interval; Wilson's over groups where no image varies.

    Where all images are right, so are all resamples, and the bootstrap would claim certainty.
    """
    if name not in tried or value not in (0.0, 1.0):
        return percentile_interval(drawn)
    n_groups = len(np.unique(resamples.members[tried[name]]))
    return wilson(round(value) * n_groups, n_groups)


def rates_of(counts: FloatArray) -> dict[str, FloatArray]:
    """Give rates from confusions, shape (b, 4); NaN where one is undefined."""
    n_tp, n_fp, n_fn, n_tn = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = n_tp / (n_tp + n_fn), n_tn / (n_tn + n_fp)
        return {
            "accuracy": (n_tp + n_tn) / counts.sum(axis=1),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "precision": n_tp / (n_tp + n_fp),
            "f1": 2 * n_tp / (2 * n_tp + n_fp + n_fn),
        }


def cells_of(counts: FloatArray) -> dict[str, int]:
    """Name the four cells of a confusion, shape (4,)."""
    names = ("true_positive", "false_positive", "false_negative", "true_negative")
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def _wilson(name: str, cells: dict[str, int]) -> Facts | None:
    if name not in _PROPORTIONS:
        return None
    n_right, n_wrong = (sum(cells[cell] for cell in side) for side in _PROPORTIONS[name])
    return {"method": "Wilson", "interval": wilson(n_right, n_right + n_wrong)}


def number(value: float) -> float | None:
    """Give a figure as JSON knows it: None where it is undefined."""
    return float(value) if np.isfinite(value) else None
