"""Whether an image could be a grey radiograph at all."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from cxr_tasks.data.file_formats import UnusableImage

MAX_HUE_VARIATION = 14.0
"""Of 255: how far apart the colour channels are after each is fitted to the grey, on average.

A uniform tint (yellowed film, sepia, blue film) leaves hardly any. 924 real radiographs have at
most 4.6, 17 of them tinted in five ways at most 0.5; three photographs have 24, 45 and 51."""

MIN_CONTRAST = 16.0
"""Grey levels of 255 between the darkest and the brightest hundredth of an image.

The same radiographs have 98 to 255."""

MAX_MASK_FRACTION, MAX_REST_FRACTION = 0.80, 0.63
"""Of the pixels, near one of the four grey levels that hold most of them; and of those not near the
first, so that a radiograph in a wide black frame passes.

924 real radiographs have at most 0.59 and 0.48. 29 masks of lungs have at least 0.86 and 0.69, as
they are, reduced to 64 pixels, blurred by up to 3 of 299 pixels, and each as JPEG of quality 30;
blurred by 5 pixels, at least 0.77 and 0.56, and those pass."""

_N_BANDS, _BAND_FRACTION = 4, 4 / 255
"""Near is relative to an image's contrast, so that dark radiographs are no masks."""

COLOUR = "a colour picture, no grey radiograph"
BLANK = "blank: hardly any contrast"
MASK = "a mask or drawing: hardly more than a few grey levels"

GreyCounts = Sequence[int]
Pixels = npt.NDArray[np.uint8]


def check_plausible(pixels: Pixels, *, grey_counts: GreyCounts) -> None:
    """Refuse what is an image but no plausible radiograph, for ingestion and scoring alike.

    This sees colours, emptiness and masks only: a grey or evenly tinted picture of anything else
    passes.

    Args:
        pixels: Shape (height, width, 3).
        grey_counts: How many pixels of the file's own size have each of the 256 grey levels.

    Raises:
        UnusableImage: It is in colour, blank, or a mask.
    """
    if hue_variation(pixels) > MAX_HUE_VARIATION:
        raise UnusableImage(COLOUR)
    if contrast(pixels) < MIN_CONTRAST:
        raise UnusableImage(BLANK)
    near, near_rest = mask_fractions(grey_counts)
    if near > MAX_MASK_FRACTION and near_rest > MAX_REST_FRACTION:
        raise UnusableImage(MASK)


def hue_variation(pixels: Pixels) -> float:
    """Return by how much the strongest colour channel exceeds the weakest, on average.

    What a straight line from the grey to a channel explains is taken off before.
    """
    channels = pixels.reshape(-1, 3).astype(np.float32)
    channels -= channels.mean(axis=0)
    grey = channels.mean(axis=1)
    slopes = grey @ channels / max(float(grey @ grey), 1.0)
    return float(np.ptp(channels - np.outer(grey, slopes), axis=1).mean())


def contrast(pixels: Pixels) -> int:
    """Return the grey levels between the darkest and the brightest hundredth."""
    return _span(Image.fromarray(pixels).convert("L").histogram())


def mask_fractions(grey_counts: GreyCounts) -> tuple[float, float]:
    """Return how much of a picture lies near the four grey levels that hold most of it.

    Returns:
        Of all pixels, and of those that are not near the first level.
    """
    left = np.array(grey_counts, np.float64)
    n, n_rest = left.sum(), 0.0
    reach = round(_BAND_FRACTION * _span(grey_counts))
    for number in range(_N_BANDS):
        near = np.convolve(left, np.ones(2 * reach + 1), "same")
        level = int(near.argmax())
        left[max(0, level - reach) : level + reach + 1] = 0
        n_rest = left.sum() if number == 0 else n_rest
    return float(1 - left.sum() / n), float(1 - left.sum() / max(n_rest, 1))


def _span(grey_counts: GreyCounts) -> int:
    counts = np.cumsum(grey_counts)
    low, high = np.searchsorted(counts, [0.01 * counts[-1], 0.99 * counts[-1]])
    return int(high - low)
