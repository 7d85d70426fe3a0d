"""Which new images the champion knows: they, or copies of them, are in its own data set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.decoding import Accepted
from cxr_tasks.data.duplicates import find_copies_across, join_datasets

KINDS = {
    "train": "in training data",
    "val": "in validation data",
    "oof": "tested out of fold",
    "test": "in test data",
}
"""What an image was to the champion, by its part there; the gravest first."""

NEW = ("", "")


class KnownImages:
    """The champion's own data set, to look images up in.

    Args:
        dataset: The images that the champion was trained and measured on.
        predictions: Its `predictions.csv`, a row for each of them.
    """

    def __init__(self, dataset: Dataset, predictions: pd.DataFrame) -> None:
        self._dataset = dataset
        self._parts = predictions["part"].tolist()

    def find(self, images: Sequence[Accepted]) -> list[tuple[str, str]]:
        """Say of each image what it was to the champion, and as which file; or `NEW`."""
        found = [NEW] * len(images)
        if not images:
            return found
        both = join_datasets(self._dataset, _as_dataset(images))
        pairs = find_copies_across(both.index, both.images, n_first=both.n_first)
        # the gravest is written last
        for known, new in sorted(pairs.tolist(), key=lambda pair: -self._gravity(pair[0])):
            name = str(self._dataset.index["path"].iloc[known])
            found[new - both.n_first] = (KINDS[self._parts[known]], name)
        return found

    def _gravity(self, row: int) -> int:
        return list(KINDS).index(self._parts[row])


def _as_dataset(images: Sequence[Accepted]) -> Dataset:
    """Lay images out as a data set, to be joined with another."""
    index = pd.DataFrame(
        {
            "patient": "",
            "sha256": [each.sha256 for each in images],
            "phash": [each.image.phash for each in images],
        }
    )
    return Dataset("", index, np.stack([each.image.pixels for each in images]), {})
