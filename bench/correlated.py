"""Images that a model has right or wrong, those of one patient more alike than others."""

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def draw_right(
    rng: np.random.Generator, sizes: IntArray, accuracy: float, correlation: float
) -> BoolArray:
    """Draw whether a model has each image right; each patient has a share of their own, beta.

    Args:
        rng: Where chance comes from.
        sizes: For each patient how many images there are; theirs lie together.
        accuracy: Of the model, in (0, 1).
        correlation: Intra-class, of being right, in [0, 1).
    """
    shares = np.full(len(sizes), accuracy)
    if correlation > 0:
        alike = 1 / correlation - 1
        shares = rng.beta(accuracy * alike, (1 - accuracy) * alike, len(sizes))
    right: BoolArray = rng.random(int(sizes.sum())) < np.repeat(shares, sizes)
    return right
