"""The champion's images and those of a new data set, told apart, with groups over both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, Joined, group_images, join_datasets

MAX_IMAGES = 2000
"""Of a class in a data set that are looked at: enough to know a gap of 0.15 from one of 0.1."""


def lay_together(old: Dataset, new: Dataset) -> "TwoDatasets":
    """Join two data sets and close patients and copies over both."""
    joined = join_datasets(old, new)
    index = pd.concat([old.index, new.index], ignore_index=True)
    sides = (np.arange(len(index)) >= joined.n_first).astype(np.int64)
    groups, _ = group_images(joined.index, joined.images)
    is_shared = new.index["sha256"].isin(old.index["sha256"]).to_numpy()
    is_compared = np.concatenate([np.ones(joined.n_first, np.bool_), ~is_shared])
    return TwoDatasets(joined, index, sides, groups, is_compared)


@dataclass(frozen=True)
class TwoDatasets:
    """Two data sets, the old one's images before the new one's.

    Attributes:
        joined: Their images.
        index: What is known of each image.
        sides: 1 for the images of the new data set, shape (n,).
        groups: Patients and copies, closed over both, shape (n,).
        is_compared: Not the images of the new data set that the old one has too, shape (n,).
    """

    joined: Joined
    index: pd.DataFrame
    sides: IntArray
    groups: IntArray
    is_compared: npt.NDArray[np.bool_]

    @property
    def n_new(self) -> int:
        """How many images only the new data set has."""
        return int(self.sides[self.is_compared].sum())

    @property
    def units(self) -> IntArray:
        """What is dealt out whole: a group's images of one data set, shape (n,)."""
        units: IntArray = 2 * self.groups + self.sides
        return units

    def n_groups(self, rows: IntArray, side: int) -> int:
        """Count the groups of one data set in some rows."""
        return len(np.unique(self.groups[rows[self.sides[rows] == side]]))

    def rows_of(self, label: int, *, seed: int) -> IntArray:
        """Give the rows of one class that are looked at: whole groups, not many more than needed.

        Returns:
            Rows, the old data set's first.
        """
        of_class = self.is_compared & (self.index["label"] == label).to_numpy()
        chosen = [
            _some(np.flatnonzero(of_class & (self.sides == side)), self.groups, seed=seed)
            for side in (0, 1)
        ]
        return np.concatenate(chosen)


def _some(rows: IntArray, groups: IntArray, *, seed: int) -> IntArray:
    """Take groups in random order until there are `MAX_IMAGES` images."""
    _, members, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    n_before = np.cumsum(sizes[order]) - sizes[order]
    return rows[np.isin(members, order[n_before < MAX_IMAGES])]
