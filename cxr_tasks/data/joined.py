"""Two data sets seen as one, so that copies and patients are found across both."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset

_COLUMNS = ["patient", "sha256", "phash"]


@dataclass(frozen=True)
class Joined:
    """The images of two data sets, the first one's before the second one's.

    Attributes:
        index: One row an image, with what `group_images` looks at.
        images: Read row by row, so that neither store is held in memory.
        n_first: How many images the first data set has.
    """

    index: pd.DataFrame
    images: "_JoinedImages"
    n_first: int


def join_datasets(first: Dataset, second: Dataset) -> Joined:
    """Lay one data set behind another."""
    index = pd.concat([first.index[_COLUMNS], second.index[_COLUMNS]], ignore_index=True)
    return Joined(index, _JoinedImages(first.images, second.images), len(first.index))


class _JoinedImages:
    """Two image stores, read as one."""

    def __init__(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        self._first = first
        self._second = second

    def __getitem__(self, row: int) -> Any:
        n = len(self._first)
        return self._first[row] if row < n else self._second[row - n]
