"""Grey values of 16 bits brought to 8, by a rule that does not depend on an image's extremes.

16 bits often hold fewer: a detector's 10, 12 or 14, written as they are. How many is read off the
values, never off the brightest or darkest one alone: a dead pixel, burnt-in text or a border must
not change how bright a radiograph is. No image is stretched to fill the range.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxr_tasks.data.unusable import UnusableImage

DEPTHS = (8, 10, 12, 14, 16)
UNCLEAR = "16 bits whose white is unclear: export with 8 bits"

MAX_BEYOND_FRACTION = 0.02
"""Of the pixels, at values that the depth has not: text, marks, dead pixels."""

MIN_UPPER_FRACTION = 0.01
"""Of the pixels, in the upper half of the depth's range: else they are dark, or of fewer bits."""

MAX_NEXT_FRACTION = 0.001
"""Of the pixels, at up to twice the depth's white, where more bits would go on without a gap."""

MIN_RESTATED_FRACTION = 0.99
_RESTATED_STEPS = (257, 256)

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]


def to_8_bits(values: UInt16Array, *, n_bits: int = 16) -> tuple[UInt8Array, str]:
    """Scale grey values by the white of their depth.

    Values that are multiples of 257, or of 256, are 8 bits restated in 16. Else the depth is the
    least of `DEPTHS` that holds all but 2 % of the pixels, and what is beyond becomes white. It is
    unclear, and the image refused, where fewer than 1 % of the pixels lie in the upper half of the
    depth's range, or more than 0.1 % just above it. Pixels of the most frequent value (a padding)
    are not counted, nor are those of the most frequent value beyond (a white border).

    Args:
        values: Shape (height, width).
        n_bits: As the file declares; below 16 there is nothing to find out.

    Returns:
        Values for 8 bits, and the depth in words: "16", "12" or, found in 16 bits, "12 of 16".

    Raises:
        UnusableImage: The depth stays unclear.
    """
    if n_bits < 16:
        return _scaled(values, n_bits), str(n_bits)
    if _is_restated(values):
        return _scaled(values, 16), "16"
    depth = _depth(np.bincount(values.ravel(), minlength=1 << 16))
    return _scaled(values, depth), "16" if depth == 16 else f"{depth} of 16"


def is_full_range(upper_counts: Sequence[int]) -> bool:
    """Return whether the upper 8 of 16 bits tell that all 16 are used.

    Args:
        upper_counts: How many pixels there are of each of the 256 values.
    """
    counts = np.asarray(upper_counts)
    return bool(counts[128:].sum() >= MIN_UPPER_FRACTION * _n_without_mode(counts))


def _scaled(values: UInt16Array, n_bits: int) -> UInt8Array:
    white = (1 << n_bits) - 1
    table = np.rint(np.minimum(np.arange(1 << 16), white) * (255 / white)).astype(np.uint8)
    scaled: UInt8Array = table[values]
    return scaled


def _is_restated(values: UInt16Array) -> bool:
    lit = values[values > 0]
    return any(
        np.count_nonzero(lit % step == 0) > MIN_RESTATED_FRACTION * lit.size
        for step in _RESTATED_STEPS
    )


def _depth(counts: npt.NDArray[np.int64]) -> int:
    n = _n_without_mode(counts)
    depth = next(
        bits for bits in DEPTHS if _n_without_mode(counts[1 << bits :]) <= MAX_BEYOND_FRACTION * n
    )
    white = 1 << depth
    n_upper, n_next = counts[white // 2 : white].sum(), counts[white : 2 * white].sum()
    if n_upper < MIN_UPPER_FRACTION * n or n_next > MAX_NEXT_FRACTION * n:
        raise UnusableImage(UNCLEAR)
    return depth


def _n_without_mode(counts: npt.NDArray[np.int64]) -> int:
    return int(counts.sum() - counts.max(initial=0))
