"""Which images are copies of each other, and which belong to one patient."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = npt.NDArray[np.int64]
UInt8Array = npt.NDArray[np.uint8]

MAX_HASH_DISTANCE = 8
"""Bits in which the 64-bit perceptual hashes of two copies may differ."""

MIN_CORRELATION = 0.985
"""Of the two images at 64 x 64 pixels, for the pair to be copies."""

_COMPARED_SIZE_PX = 64
_BLOCK_ROWS = 512


def group_images(index: pd.DataFrame, images: UInt8Array) -> tuple[IntArray, IntArray]:
    """Number the groups that must stay on one side of a split.

    Two images are in one group when they show the same patient or are copies: equal bytes,
    or near in perceptual hash and confirmed by correlation. Groups are closed: if A goes
    with B and B with C, all three are one group.

    Args:
        index: One row an image, with `patient`, `sha256` and `phash`.
        images: Shape (n, height, width, 3), in the same order.

    Returns:
        The group of each image, numbered from 0 in order of appearance, shape (n,); and the
        pairs of images that are copies, shape (m, 2), the smaller row first.
    """
    copies = find_copies(index, images)
    by_patient = _same_value_pairs(index["patient"].where(index["patient"] != ""))
    groups = _closed_groups(np.concatenate([copies, by_patient]), n=len(index))
    return groups, copies


def find_copies(index: pd.DataFrame, images: UInt8Array) -> IntArray:
    """Find the pairs of images that are copies of each other, shape (m, 2)."""
    exact = _same_value_pairs(index["sha256"])
    near = [pair for pair in _near_hash_pairs(index["phash"]) if _correlated(images, *pair)]
    pairs = np.concatenate([exact, np.array(near, dtype=np.int64).reshape(-1, 2)])
    return np.unique(pairs, axis=0)


def _same_value_pairs(values: pd.Series) -> IntArray:
    """Chain the rows of each value: n - 1 pairs join n rows."""
    rows = pd.Series(np.arange(len(values)), index=values.index)
    before = rows.groupby(values).shift()
    second = rows[before.notna()].to_numpy()
    return np.stack([before.dropna().to_numpy(dtype=np.int64), second], axis=1)


def _near_hash_pairs(hashes: pd.Series) -> Iterator[tuple[int, int]]:
    """Compare all hashes block by block, so that memory stays flat."""
    bits = np.array([int(text, 16) for text in hashes], dtype=np.uint64)
    for start in range(0, len(bits), _BLOCK_ROWS):
        block = bits[start : start + _BLOCK_ROWS, None]
        distances = np.bitwise_count(block ^ bits[None, start:])
        for row, column in np.argwhere(distances <= MAX_HASH_DISTANCE):
            if row < column:
                yield start + int(row), start + int(column)


def _correlated(images: UInt8Array, first: int, second: int) -> bool:
    one, other = (_small_grey(images[row]) for row in (first, second))
    if one.std() == 0 or other.std() == 0:
        return bool((one == other).all())
    return bool(np.corrcoef(one, other)[0, 1] >= MIN_CORRELATION)


def _small_grey(image: UInt8Array) -> npt.NDArray[np.float64]:
    size = (_COMPARED_SIZE_PX, _COMPARED_SIZE_PX)
    small = Image.fromarray(image).convert("L").resize(size, Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float64).ravel()


def _closed_groups(pairs: IntArray, *, n: int) -> IntArray:
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, component = connected_components(links, directed=False)
    numbers: IntArray = pd.factorize(component)[0].astype(np.int64)
    return numbers
