"""Scores of images, and the cut-offs that turn them into predictions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxr_tasks.errors import DataError

THRESHOLD = 0.5
"""A score at or above it is a positive prediction."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ScoredImages:
    """Images with the scores of a model that they had no part in training."""

    labels: IntArray  # shape (n,); 1 is COVID-19, 0 is normal
    scores: FloatArray  # shape (n,); probability of COVID-19, in [0, 1]
    groups: IntArray  # shape (n,); images of one patient, or copies, share a number
    # shape (n,); which fold tested the image, from 1; None where there are no folds
    folds: IntArray | None = None
    # shape (n,); the scores by a temperature that other images gave, or None
    calibrated: FloatArray | None = None
    # shape (n,); the cut-off at the chosen sensitivity that other images gave; or None
    cutoffs: FloatArray | None = None
    # shape (repeats, n); the scores of each division into folds: `scores` is the mean of the first,
    # as many as the run's `repeats`
    by_repeat: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def are_right(self) -> BoolArray:
        """Which images are predicted right at the fixed threshold, shape (n,)."""
        right: BoolArray = predict(self.scores) == self.labels
        return right


def predict(scores: FloatArray) -> IntArray:
    """Turn scores into predictions at the fixed threshold."""
    return (scores >= THRESHOLD).astype(np.int64)


def choose_threshold(labels: IntArray, scores: FloatArray, *, min_sensitivity: float) -> float:
    """Find the highest cut-off that still detects enough COVID-19.

    For validation images only: a cut-off tuned on the images it is judged by flatters the model.

    Args:
        labels: Shape (n,); 1 is COVID-19, 0 is normal.
        scores: Shape (n,); probability of COVID-19, in [0, 1].
        min_sensitivity: Fraction of COVID-19 images to detect, in (0, 1].

    Returns:
        Cut-off in [0, 1]; `score >= cut-off` is positive.

    Raises:
        DataError: No positive label, so sensitivity is undefined.
    """
    positive = np.sort(scores[labels == 1])[::-1]
    if not len(positive):
        raise DataError(
            f"No COVID-19 image among the {len(labels)} that should fix a cut-off.",
            "A cut-off is chosen by the COVID-19 images it detects.",
            "Add images of this class, or use another seed.",
        )
    # a rounding error in the product must not ask for one image more
    n_detected = int(np.ceil(min_sensitivity * len(positive) - 1e-9))
    return float(positive[n_detected - 1])
