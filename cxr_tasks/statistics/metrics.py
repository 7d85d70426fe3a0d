"""Figures of merit of scores against labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score, roc_curve

THRESHOLD = 0.5
"""A score at or above it is a positive prediction."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def measure(labels: IntArray, scores: FloatArray) -> dict[str, Any]:
    """Measure scores by every figure the report shows.

    Args:
        labels: Shape (n,), n > 0; 1 is COVID-19, 0 is normal.
        scores: Shape (n,); probability of COVID-19, in [0, 1].

    Returns:
        Counts, fractions in [0, 1] and the loss in nats by name; None where a figure is
        undefined (a class is missing, or nothing was predicted positive).
    """
    both = 0 < int(labels.sum()) < len(labels)
    counts = confusion_matrix(labels, predict(scores), labels=[0, 1])
    (n_tn, n_fp), (n_fn, n_tp) = counts.tolist()
    sensitivity = _fraction(n_tp, n_tp + n_fn)
    specificity = _fraction(n_tn, n_tn + n_fp)
    return {
        "n_images": len(labels),
        "n_covid": n_tp + n_fn,
        "n_normal": n_tn + n_fp,
        "accuracy": _fraction(n_tp + n_tn, len(labels)),
        "balanced_accuracy": _mean(sensitivity, specificity),
        "loss": float(log_loss(labels, scores, labels=[0, 1])),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": _fraction(n_tp, n_tp + n_fp),
        "f1": _fraction(2 * n_tp, 2 * n_tp + n_fp + n_fn),
        "roc_auc": float(roc_auc_score(labels, scores)) if both else None,
        "confusion": {
            "true_positive": n_tp,
            "false_positive": n_fp,
            "true_negative": n_tn,
            "false_negative": n_fn,
        },
        "roc": _roc(labels, scores) if both else None,
    }


def predict(scores: FloatArray) -> IntArray:
    """Turn scores into predictions at the fixed threshold."""
    return (scores >= THRESHOLD).astype(np.int64)


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else (first + second) / 2


def _roc(labels: IntArray, scores: FloatArray) -> dict[str, list[float]]:
    false_positive, true_positive, _ = roc_curve(labels, scores)
    return {"fpr": false_positive.tolist(), "tpr": true_positive.tolist()}
