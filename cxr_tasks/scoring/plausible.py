"""Whether an image could be a grey radiograph at all."""

import numpy as np
import numpy.typing as npt

from cxr_tasks.data.images import UnusableImage

MAX_MEAN_CHROMA = 18.0
"""Of 255: the strongest less the weakest colour channel, on average over the pixels.

324 real radiographs from public repositories, a third of them stored in colour: 323 have at most
5.2, one tinted image has 10.7; three photographs have 28, 51 and 72."""

MIN_CONTRAST = 16.0
"""Grey levels of 255 between the darkest and the brightest hundredth of an image.

The same radiographs have 98 to 255."""

COLOUR = "a colour picture, no grey radiograph"
BLANK = "blank: hardly any contrast"


def check_plausible(pixels: npt.NDArray[np.uint8]) -> None:
    """Refuse what is an image but no plausible radiograph.

    This sees colour and emptiness only: a grey picture of anything else passes.

    Args:
        pixels: Shape (height, width, 3).

    Raises:
        UnusableImage: It is in colour, or blank.
    """
    if float(np.ptp(pixels, axis=2).mean()) > MAX_MEAN_CHROMA:
        raise UnusableImage(COLOUR)
    low, high = np.percentile(pixels.mean(axis=2), [1, 99])
    if high - low < MIN_CONTRAST:
        raise UnusableImage(BLANK)
