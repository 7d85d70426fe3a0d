"""Grey values of 16 bits brought to 8, by a rule that does not depend on an image's extremes.

16 bits often hold fewer: a detector's 10, 12 or 14, written as they are. How many is read off the
values, never off the brightest or darkest one alone: a dead pixel, burnt-in text or a border must
not change how bright a radiograph is. No image is stretched to fill the range.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxr_tasks.data.file_formats import UnusableImage

DEPTHS = (8, 10, 12, 14, 16)
UNCLEAR = "16 bits whose white is unclear: export with 8 bits"

MAX_BEYOND_FRACTION = 0.02
"""Of the pixels, at values that the depth has not: text, marks, dead pixels."""

MIN_HALF_FRACTION = 0.01
"""Of the pixels, in either half of the depth's range: else they are dark, of fewer bits, or an
offset was added. 924 real radiographs of 8 bits have at least 0.038 in the lower half."""

MAX_NEXT_FRACTION = 0.002
"""Of the pixels, at up to twice the depth's white, where more bits would go on without a gap."""

GOES_ON_FRACTION = 0.001
"""Of the pixels, at up to a quarter above a white: the values go on there."""

MAX_GAP_FRACTION = 3 / 8
"""Of the depth's range, with no pixels between others: signed values, whose minus became large.

The same radiographs have at most 14 of 64."""

MIN_SPAN_FRACTION = 1 / 8
"""Of the depth's range, between the darkest and the brightest hundredth; they have 100 of 256."""

_N_BARS = 4
"""Values beyond a depth that may hold any number of pixels: burnt-in bars, text, borders."""

_N_STEPS, _EMPTY_FRACTION = 64, 0.0002
"""Into which a range is divided to find gaps, and of the pixels, in one that counts as empty."""

MIN_RESTATED_FRACTION = 0.99
_RESTATED_STEPS = (257, 256)

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]
Counts = npt.NDArray[np.int64]


def to_8_bits(values: UInt16Array, *, n_bits: int = 16) -> tuple[UInt8Array, str]:
    """Scale grey values by the white of their depth.

    Values that are multiples of 257, or of 256, are 8 bits restated in 16. Else the depth is the
    least of `DEPTHS` that holds all but 2 % of the pixels, and what is beyond becomes white. It is
    unclear, and the image refused, where hardly a pixel lies in one half of the depth's range,
    where more than a few lie just above it, and where a wide gap or a narrow range tells of signed
    values or an offset. Pixels of the most frequent value (a padding) are not counted, nor are
    those of the four most frequent values beyond (burnt-in bars and borders).

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
    """Return whether the upper 8 of 16 bits, of each of whose values there are so many, are all."""
    return _fills(np.asarray(upper_counts), 256)


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


def _depth(counts: Counts) -> int:
    n = _without_most(counts).sum()
    depth = next(
        bits
        for bits in DEPTHS
        if _without_most(counts[1 << bits :], _N_BARS).sum() <= MAX_BEYOND_FRACTION * n
    )
    white = 1 << depth
    n_next = counts[white : 2 * white].sum()
    goes_on = _goes_on(counts, white) or n_next > MAX_NEXT_FRACTION * n
    if n and (goes_on or not _fills(counts[:white], white) or _is_offset(counts[:white], white)):
        raise UnusableImage(UNCLEAR)
    return depth


def _without_most(counts: Counts, n_values: int = 1) -> Counts:
    """Return the counts without the pixels that have the most frequent values."""
    rest = counts.copy()
    rest[np.argsort(counts)[-n_values:]] = 0
    return rest


def _fills(counts: Counts, white: int) -> bool:
    """Return whether there are pixels in both halves of a range."""
    least = MIN_HALF_FRACTION * _without_most(counts).sum()
    n_lower, n_upper = counts[: white // 2].sum(), counts[white // 2 :].sum()
    return bool(n_lower >= least and (n_upper >= least or _goes_on(counts, white // 2)))


def _goes_on(counts: Counts, white: int) -> bool:
    n_above = counts[white : white + white // 4].sum()
    return bool(n_above > GOES_ON_FRACTION * _without_most(counts).sum())


def _is_offset(counts: Counts, white: int) -> bool:
    """Return whether the pixels lie close together, or in two places far apart."""
    counts = _without_most(counts, _N_BARS)
    n = counts.sum()
    low, high = np.searchsorted(np.cumsum(counts), [0.01 * n, 0.99 * n])
    steps = counts.reshape(_N_STEPS, -1).sum(axis=1)
    gaps = np.diff(np.flatnonzero(steps > _EMPTY_FRACTION * n)) - 1
    return bool(
        high - low < MIN_SPAN_FRACTION * white or gaps.max(initial=0) > MAX_GAP_FRACTION * _N_STEPS
    )
