"""Whether an image could be a grey radiograph at all."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from cxr_tasks.data.unusable import UnusableImage

MAX_MEAN_CHROMA = 18.0
"""Of 255: the strongest less the weakest colour channel, on average over the pixels.

324 real radiographs from public repositories, a third of them stored in colour: 323 have at most
5.2, one tinted image has 10.7; three photographs have 28, 51 and 72."""

MIN_CONTRAST = 16.0
"""Grey levels of 255 between the darkest and the brightest hundredth of an image.

The same radiographs have 98 to 255."""

MAX_MASK_FRACTION = 0.93
"""Of the pixels, within `_BAND` grey levels of one of the four levels that hold most of them.

924 real radiographs have at most 0.66, 58 masks of lungs at least 0.95, however compressed or
reduced. A radiograph of 16 levels passes, one of two or four does not."""

_N_BANDS, _BAND = 4, 4

COLOUR = "a colour picture, no grey radiograph"
BLANK = "blank: hardly any contrast"
MASK = "a mask or drawing: hardly more than a few grey levels"

GreyCounts = Sequence[int]
Pixels = npt.NDArray[np.uint8]


def check_plausible(pixels: Pixels, *, grey_counts: GreyCounts) -> None:
    """Refuse what is an image but no plausible radiograph, for ingestion and scoring alike.

    This sees colour, emptiness and masks only: a grey picture of anything else passes.

    Args:
        pixels: Shape (height, width, 3).
        grey_counts: How many pixels of the file's own size have each of the 256 grey levels.

    Raises:
        UnusableImage: It is in colour, blank, or a mask.
    """
    if mean_chroma(pixels) > MAX_MEAN_CHROMA:
        raise UnusableImage(COLOUR)
    if contrast(pixels) < MIN_CONTRAST:
        raise UnusableImage(BLANK)
    if mask_fraction(grey_counts) > MAX_MASK_FRACTION:
        raise UnusableImage(MASK)


def mean_chroma(pixels: Pixels) -> float:
    """Return by how much the strongest colour channel exceeds the weakest, on average."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    strongest = np.maximum(np.maximum(red, green), blue)
    return float((strongest - np.minimum(np.minimum(red, green), blue)).mean())


def contrast(pixels: Pixels) -> int:
    """Return the grey levels between the darkest and the brightest hundredth."""
    counts = np.cumsum(Image.fromarray(pixels).convert("L").histogram())
    low, high = np.searchsorted(counts, [0.01 * counts[-1], 0.99 * counts[-1]])
    return int(high - low)


def mask_fraction(grey_counts: GreyCounts) -> float:
    """Return how much of a picture lies near the four grey levels that hold most of it."""
    left = np.array(grey_counts, np.float64)
    n = left.sum()
    for _ in range(_N_BANDS):
        near = np.convolve(left, np.ones(2 * _BAND + 1), "same")
        level = int(near.argmax())
        left[max(0, level - _BAND) : level + _BAND + 1] = 0
    return float(1 - left.sum() / n)
