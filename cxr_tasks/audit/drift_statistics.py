"""Whether two sets of images differ, and how far chance would go: whole groups dealt out anew."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.audit.control_tests import divide
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.permutation_test import permutation_test, permute_groups
from cxr_tasks.statistics.scores import FloatArray, IntArray

N_PERMUTATIONS = 2999
"""So many that thirteen checks can reach p < 0.01 after Holm's correction."""

_MAX_CELLS = 2_000_000
"""Of images times permutations that are looked at in one block."""

SideArray = NDArray[np.int8]


@dataclass(frozen=True)
class Shift:
    """How far two sets of images are apart."""

    effect: float  # the statistic; nothing has moved at 0, or at 0.5 where it is an area
    p_value: float  # how often chance goes as far, one-sided; the real labelling counts as one


class Sides:
    """Which of two data sets each image is from, as it is and as chance would have it.

    Args:
        sides: Shape (n,); 1 is the new data set, 0 the old one.
        units: Shape (n,); what is dealt out whole. Each unit has one side.
        seed: Decides the permutations.
        n_permutations: How many.
    """

    def __init__(
        self, sides: IntArray, units: IntArray, *, seed: int, n_permutations: int = N_PERMUTATIONS
    ) -> None:
        self.sides = sides
        self.units = units
        self.seed = seed
        self.n_permutations = n_permutations
        dealt = permute_groups(sides, units, n_permutations=n_permutations, seed=seed)
        self._columns = np.hstack([sides.astype(np.int8)[:, None], dealt])

    def shift_of(self, statistic: Callable[[SideArray], FloatArray]) -> Shift:
        """Compare a statistic of the real sides with that of the dealt ones.

        Args:
            statistic: Returns one number for each column of sides, shape (n, m).
        """
        n_columns = max(1, _MAX_CELLS // len(self.sides))
        found = np.concatenate(
            [
                statistic(self._columns[:, start : start + n_columns])
                for start in range(0, self._columns.shape[1], n_columns)
            ]
        )
        n_as_far = int((found >= found[0] - 1e-12).sum())  # the real one is among them
        return Shift(float(found[0]), n_as_far / len(found))


def distribution_shift(values: FloatArray, sides: Sides) -> Shift:
    """Compare a quantity's two distributions: the largest gap between them, in [0, 1].

    The Kolmogorov-Smirnov statistic; its own p takes images as independent, this one does not.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)  # of equal values
    n_up_to = np.arange(1, len(values) + 1)[is_last, None]

    def largest_gap(columns: SideArray) -> FloatArray:
        n_new = np.cumsum(columns[order], axis=0, dtype=np.int32)
        n_all_new = n_new[-1]
        new = n_new[is_last]
        gaps = new / n_all_new - (n_up_to - new) / (len(values) - n_all_new)
        largest: FloatArray = np.abs(gaps).max(axis=0)
        return largest

    return sides.shift_of(largest_gap)


def share_shift(is_positive: IntArray, sides: Sides) -> Shift:
    """Compare the share of images of one kind: the difference between both sides, in [0, 1]."""
    positives = np.flatnonzero(is_positive)

    def difference(columns: SideArray) -> FloatArray:
        n_new = columns.sum(axis=0, dtype=np.int64)
        n_positive_new = columns[positives].sum(axis=0, dtype=np.int64)
        of_old = (len(positives) - n_positive_new) / (len(columns) - n_new)
        apart: FloatArray = np.abs(n_positive_new / n_new - of_old)
        return apart

    return sides.shift_of(difference)


def feature_shift(features: FloatArray, sides: Sides, groups: IntArray) -> Shift:
    """Compare features: the area under the ROC curve of a ridge that tells new from old images.

    A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv 1610.06545). Images of one patient
    on both sides stay in one fold, or the ridge would take the new ones for the old ones.

    Args:
        features: Shape (n, d).
        sides: Which side each image is on.
        groups: Shape (n,); closed over both sides, unlike the units that are dealt out.
    """
    test = permutation_test(
        standardised(features),
        sides.sides,
        sides.units,
        divide(sides.sides, groups, seed=sides.seed),
        seed=sides.seed,
        n_permutations=sides.n_permutations,
    )
    return Shift(test.auc, test.p_value)
