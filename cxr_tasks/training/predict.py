"""Scores of stored images by a network, batch by batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH_SIZE = 64
"""Images in one pass through a network; another number would be another trace."""

Model = Any


def predict_scores(
    model: Model, values: NDArray[Any], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Score some rows of a store.

    Fewer rows than a batch are filled up to one: a batch of another size is traced anew.

    Args:
        model: From `values` to probabilities (n, 1).
        values: Shape (n_stored, ...); images, or what frozen layers gave for them.
        rows: Shape (n,), n > 0; which of them.

    Returns:
        The probability of COVID-19, shape (n,), in [0, 1].
    """
    filled = np.resize(rows, max(len(rows), BATCH_SIZE))
    scores = np.empty(len(filled), dtype=np.float64)
    for start in range(0, len(filled), BATCH_SIZE):
        first = min(start, len(filled) - BATCH_SIZE)  # the last batch overlaps the one before
        batch = np.asarray(values[filled[first : first + BATCH_SIZE]])
        scores[first : first + BATCH_SIZE] = np.asarray(model.predict_on_batch(batch))[:, 0]
    return scores[: len(rows)]
