"""Which images are copies of each other, and which belong to one patient; also across data sets."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cxr_tasks.data.dataset import IndexedImages

IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
UInt8Array = npt.NDArray[np.uint8]

MAX_HASH_DISTANCE = 8
"""Bits in which the 64-bit perceptual hashes of two copies may differ."""

MIN_CORRELATION = 0.985
"""Of the two images at 64 x 64 pixels, for the pair to be copies."""

_COMPARED_COLUMNS = ["patient", "sha256", "phash"]
_COMPARED_SIZE_PX = 64
_BLOCK_ROWS = 512


class ImageRows(Protocol):
    """Images that are read one by one: an array, memory-mapped or not, or several as one."""

    def __getitem__(self, row: Any, /) -> Any:
        """Return an image, shape (height, width, 3), uint8."""


def group_images(index: pd.DataFrame, images: ImageRows) -> tuple[IntArray, IntArray]:
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
    by_patient = same_value_pairs(index["patient"].where(index["patient"] != ""))
    groups = closed_groups(np.concatenate([copies, by_patient]), n=len(index))
    return groups, copies


def find_copies(index: pd.DataFrame, images: ImageRows) -> IntArray:
    """Find the pairs of images that are copies of each other, shape (m, 2)."""
    exact = same_value_pairs(index["sha256"])
    near = _near_hash_pairs(index["phash"])
    pairs = np.concatenate([exact, near[_are_correlated(images, near)]])
    return np.unique(pairs, axis=0)


def find_copies_across(index: pd.DataFrame, images: ImageRows, *, n_first: int) -> IntArray:
    """Find the pairs of copies of which one is among the first rows and one is not.

    Less work than `find_copies` where many images are looked up in a few, or few in many.

    Returns:
        Shape (m, 2), the row of the first ones first.
    """
    near = _near_hash_pairs(index["phash"], n_first=n_first)
    return near[_are_correlated(images, near)]  # equal bytes have equal hashes, and correlate


def same_value_pairs(values: pd.Series) -> IntArray:
    """Chain the rows of each value: n - 1 pairs join n rows."""
    rows = pd.Series(np.arange(len(values)), index=values.index)
    before = rows.groupby(values).shift()
    second = rows[before.notna()].to_numpy()
    return np.stack([before.dropna().to_numpy(dtype=np.int64), second], axis=1)


def _near_hash_pairs(hashes: pd.Series, *, n_first: int | None = None) -> IntArray:
    """Compare hashes block by block, so that memory stays flat: all, or the first with the rest."""
    bits = np.array([int(text, 16) for text in hashes], dtype=np.uint64)
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(bits[:n_first]), _BLOCK_ROWS):
        block = bits[:n_first][start : start + _BLOCK_ROWS, None]
        behind = start if n_first is None else n_first
        distances = np.bitwise_count(block ^ bits[None, behind:])
        pairs = np.argwhere(distances <= MAX_HASH_DISTANCE) + np.array([start, behind])
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def _are_correlated(images: ImageRows, pairs: IntArray) -> npt.NDArray[np.bool_]:
    """Return for each pair of rows whether its images, seen small, are the same; shape (m,).

    Some pairs in a thousand are near in their hashes, which in a large data set are millions:
    so each image is made small once, and the sums are whole numbers.
    """
    rows, places = np.unique(pairs, return_inverse=True)
    small = np.empty((len(rows), _COMPARED_SIZE_PX**2), np.uint8)
    for place, row in enumerate(rows):
        small[place] = _small_grey(images[row])
    firsts, seconds = places.reshape(-1, 2).T
    blocks = [
        _correlations(small[firsts[start:end]], small[seconds[start:end]]) >= MIN_CORRELATION
        for start in range(0, len(pairs), _BLOCK_ROWS)
        for end in [start + _BLOCK_ROWS]
    ]
    return np.concatenate([np.empty(0, np.bool_), *blocks])


def _correlations(ones: UInt8Array, others: UInt8Array) -> npt.NDArray[np.float64]:
    """Return Pearson's r of each row with the other's; where one is even, 1 if they are equal."""
    one, other = ones.astype(np.int32), others.astype(np.int32)
    covariance = _covariances(one, other)
    spread = np.sqrt(_covariances(one, one)) * np.sqrt(_covariances(other, other))
    correlations: npt.NDArray[np.float64] = (ones == others).all(axis=1).astype(np.float64)
    np.divide(covariance, spread, out=correlations, where=spread > 0)
    return correlations


def _covariances(ones: Int32Array, others: Int32Array) -> IntArray:
    """Return n² times the covariance of each row of n pixels with the other's, exactly."""
    # 4,096 products of two pixels stay below the largest 32-bit number
    products = np.einsum("ij,ij->i", ones, others).astype(np.int64)
    sums, other_sums = (rows.sum(axis=1, dtype=np.int64) for rows in (ones, others))
    covariances: IntArray = ones.shape[1] * products - sums * other_sums
    return covariances


def _small_grey(image: UInt8Array) -> UInt8Array:
    size = (_COMPARED_SIZE_PX, _COMPARED_SIZE_PX)
    small = Image.fromarray(image).convert("L").resize(size, Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.uint8).ravel()


def closed_groups(pairs: IntArray, *, n: int) -> IntArray:
    """Number the groups that pairs of rows make of n rows, shape (n,), in order of appearance."""
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, component = connected_components(links, directed=False)
    numbers: IntArray = pd.factorize(component)[0].astype(np.int64)
    return numbers


@dataclass(frozen=True)
class Joined:
    """The images of two data sets, the first one's before the second one's."""

    index: pd.DataFrame  # one row an image, with what `group_images` looks at
    images: ImageRows  # read row by row, so that neither store is held in memory
    n_first: int  # how many images the first data set has


def join_datasets(first: IndexedImages, second: IndexedImages) -> Joined:
    """Return two data sets as one, so that copies and patients are found across both."""
    indexes = [each.index[_COMPARED_COLUMNS] for each in (first, second)]
    images = _JoinedImages(first.images, second.images)
    return Joined(pd.concat(indexes, ignore_index=True), images, len(first.index))


@dataclass(frozen=True)
class _JoinedImages:
    first: UInt8Array
    second: UInt8Array

    def __getitem__(self, row: int) -> UInt8Array:
        n = len(self.first)
        image: UInt8Array = self.first[row] if row < n else self.second[row - n]
        return image
