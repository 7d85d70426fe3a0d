"""Images divided at random with both classes in every part and no group in two."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from cxr_tasks.data.duplicates import IntArray
from cxr_tasks.errors import DataError

FIFTH = 5
"""What is usually set apart: one image in five."""

_CLASSES = {1: "COVID-19", 0: "normal"}
PlaceArray = npt.NDArray[np.intp]


def whole_groups(
    labels: IntArray, groups: IntArray, *, n_folds: int, seed: int
) -> Iterator[tuple[PlaceArray, PlaceArray]]:
    """Give the places of the rest and of each fold, stratified, groups whole.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        n_folds: How many folds; each image is in one.
        seed: Decides the shuffle.

    Raises:
        DataError: A class has fewer groups than there are folds.
    """
    for label, name in _CLASSES.items():
        n_groups = _n_groups(labels, groups, label)
        if n_groups < n_folds:
            raise DataError(
                f"The class {name} has {n_groups} groups (patients, or images with copies) "
                f"to divide into {n_folds} parts.",
                "No group is in two parts with split='grouped', and every part needs both classes; "
                "what a fold leaves over is divided once more, to train and to validate.",
                "Add images of more patients, use fewer folds, or use split=paper without folds.",
            )
    yield from StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(
        labels, labels, groups
    )


def set_apart(
    labels: IntArray, groups: IntArray, *, seed: int, one_in: int = FIFTH
) -> tuple[PlaceArray, PlaceArray]:
    """Set one image in so many apart, or more where a class has fewer groups than that.

    Where the first part happens to lack a class, the next one is taken.

    Returns:
        The places of those that stay, and of those set apart.

    Raises:
        DataError: A class has fewer than two groups.
    """
    n_groups = min(_n_groups(labels, groups, label) for label in _CLASSES)
    n_folds = max(2, min(one_in, n_groups))
    divisions = list(whole_groups(labels, groups, n_folds=n_folds, seed=seed))
    for kept, taken in divisions:
        if len(np.unique(labels[taken])) == len(np.unique(labels[kept])) == len(_CLASSES):
            return kept, taken
    return divisions[0]


def _n_groups(labels: IntArray, groups: IntArray, label: int) -> int:
    return len(np.unique(groups[labels == label]))
