"""Features as a ridge is given them: on one scale, and with what several columns tell together."""

import numpy as np
from scipy.spatial.distance import cdist

from cxr_tasks.statistics.scores import FloatArray

N_LANDMARKS = 1000


def standardised(values: FloatArray) -> FloatArray:
    """Scale columns to mean 0 and spread 1, and all to a mean square length of 1."""
    spread = values.std(axis=0)
    varying = spread > 0
    if not varying.any():
        return np.zeros((len(values), 1))
    scaled: FloatArray = (values[:, varying] - values[:, varying].mean(axis=0)) / spread[varying]
    scaled /= np.sqrt(scaled.shape[1])
    return scaled


def with_interactions(values: FloatArray, *, seed: int) -> FloatArray:
    """Add features that see several columns together: a Gaussian kernel's, by landmarks.

    Williams & Seeger 2000, "Using the Nyström method to speed up kernel machines". Exact where
    there are no more images than landmarks. The kernel's width is the median distance.

    Args:
        values: Shape (n, d), standardised.
        seed: Decides the landmarks.

    Returns:
        Shape (n, d + m): linear features and the kernel's, each half of the length.
    """
    n = len(values)
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:N_LANDMARKS])
    landmarks = values[chosen]
    among = cdist(landmarks, landmarks, "sqeuclidean")
    width = float(np.median(among[among > 0])) if (among > 0).any() else 1.0
    sizes, directions = np.linalg.eigh(np.exp(-among / width))
    kept = sizes > 1e-6 * sizes[-1]
    root = directions[:, kept] / np.sqrt(sizes[kept])
    kernel = np.exp(-cdist(values, landmarks, "sqeuclidean") / width)
    joined: FloatArray = np.hstack([values, kernel @ root]) / np.sqrt(2)
    return joined
