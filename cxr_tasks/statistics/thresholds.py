"""The decision cut-off at a chosen sensitivity."""

import numpy as np

from cxr_tasks.errors import DataError
from cxr_tasks.statistics.scored import FloatArray, IntArray


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
