"""How much of a model's attention lies outside the central region, where no lung is."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_tasks.data.images import CENTRE
from cxr_tasks.statistics.resampling import group_resamples, mean_of, percentile_interval, resampled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDE_PX = 224
OUTSIDE_AREA_FRACTION = 1 - (CENTRE[1] - CENTRE[0]) ** 2
"""What attention spread evenly would give."""


def enlarge(attention: FloatArray, *, side_px: int = SIDE_PX) -> FloatArray:
    """Bring one map, (height, width), to the size of the image, bilinear."""
    small = Image.fromarray(attention.astype(np.float32))
    large = small.resize((side_px, side_px), Image.Resampling.BILINEAR)
    return np.asarray(large, dtype=np.float64)


def outside_fractions(maps: FloatArray) -> FloatArray:
    """Give the share of each map's mass outside the central region.

    Args:
        maps: Shape (n, height, width), not negative.

    Returns:
        Shape (n,), in [0, 1]; NaN where a map is empty.
    """
    along = _central_share_of_pixels()
    shares = np.full(len(maps), np.nan)
    for place, each in enumerate(maps):
        large = enlarge(each / each.max()) if each.max() > 0 else np.zeros((SIDE_PX, SIDE_PX))
        if large.sum() > 0:
            shares[place] = 1 - along @ large @ along / large.sum()
    return shares


def mean_outside(
    shares: FloatArray, groups: IntArray, *, seed: int
) -> dict[str, float | list[float] | None]:
    """Give the mean share with its 95 % interval, bootstrapped over groups.

    Args:
        shares: Shape (n,); NaN is left out.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides the resamples.

    Returns:
        `mean` and `interval`, both None where no share is known.
    """
    known = np.isfinite(shares)
    if not known.any():
        return {"mean": None, "interval": None}
    resamples = group_resamples(np.zeros(int(known.sum()), np.int64), groups[known], seed=seed)
    drawn = resampled(resamples, mean_of(shares[known]))
    return {"mean": float(shares[known].mean()), "interval": percentile_interval(drawn)}


def _central_share_of_pixels() -> FloatArray:
    """Say how much of each pixel lies in the region, along one side: its ends cut pixels."""
    low, high = (fraction * SIDE_PX for fraction in CENTRE)
    starts = np.arange(SIDE_PX, dtype=np.float64)
    overlap: FloatArray = np.minimum(starts + 1, high) - np.maximum(starts, low)
    return np.clip(overlap, 0, 1)
