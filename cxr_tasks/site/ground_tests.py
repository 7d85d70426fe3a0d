"""The figures behind tests of runs on one set of images; imports NumPy and SciPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cxr_tasks.site.scored_runs import Ground
from cxr_tasks.statistics.exact_tests import sign_flip_test
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.statistics.resampling import (
    WeightArray,
    auc_of,
    group_resamples,
    mean_of,
    number,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scores import FloatArray, IntArray, predict

SEED = 1
MAX_RESAMPLES, MIN_RESAMPLES = 2000, 400
_MAX_CELLS = 30_000_000
"""Images times scores times resamples: about a second on one core."""


@dataclass(frozen=True)
class Tested:
    """One variant of two runs, before any correction; places are among the ground's runs."""

    first: int
    second: int
    variant: str
    n_only_first_right: int
    n_only_second_right: int
    p_value: float
    accuracy: Estimate
    roc_auc: Estimate


@dataclass(frozen=True)
class GroundTests:
    """All pairs of one ground; differences are first minus second."""

    tested: tuple[Tested, ...]
    n_images: int
    n_groups: int
    n_resamples: int


def compare_ground(ground: Ground) -> GroundTests:
    """Test every variant of every two runs that scored the same images.

    The same predictions give the same figures: the draws have a seed of their own.
    """
    labels, groups = np.asarray(ground.runs[0].labels, np.int64), joint_groups(ground)
    columns = [(at, name) for at, run in enumerate(ground.runs) for name in run.scores]
    scores = [np.asarray(ground.runs[at].scores[name], np.float64) for at, name in columns]
    figures = _Figures(labels, groups, scores)
    tested = []
    for one, other in combinations(range(len(columns)), 2):
        (first, variant), (second, of_second) = columns[one], columns[other]
        if variant != of_second or first == second:
            continue
        test = sign_flip_test(figures.right[one], figures.right[other], groups)
        tested.append(
            Tested(
                first,
                second,
                variant,
                test.n_only_first_right,
                test.n_only_second_right,
                test.p_value,
                accuracy=figures.difference(one + len(columns), other + len(columns)),
                roc_auc=figures.difference(one, other),
            )
        )
    n_groups = len(np.unique(groups))
    return GroundTests(tuple(tested), len(labels), n_groups, figures.n_resamples)


def joint_groups(ground: Ground) -> IntArray:
    """Close the groups of all runs over each other: images that one of them joins are joined."""
    n = len(ground.runs[0].paths)
    joined = np.arange(n)
    while True:
        before = joined.copy()
        for run in ground.runs:
            _, members = np.unique(np.asarray(run.groups, np.int64), return_inverse=True)
            least = np.full(members.max() + 1, n)
            np.minimum.at(least, members, joined)
            joined = least[members]
        if (joined == before).all():
            return joined.astype(np.int64)


class _Figures:
    """AUC, then accuracy, of every column of scores: as they are, and on the same draws."""

    def __init__(self, labels: IntArray, groups: IntArray, scores: Sequence[FloatArray]) -> None:
        self.right = [predict(each) == labels for each in scores]
        cells = len(labels) * len(scores)
        self.n_resamples = int(np.clip(_MAX_CELLS // max(1, cells), MIN_RESAMPLES, MAX_RESAMPLES))
        statistics = [
            *(auc_of(labels, each) for each in scores),
            *(mean_of(each.astype(np.float64)) for each in self.right),
        ]

        def all_of(weights: WeightArray) -> FloatArray:
            return np.stack([statistic(weights) for statistic in statistics], axis=1)

        resamples = group_resamples(labels, groups, n_resamples=self.n_resamples, seed=SEED)
        self._drawn = resampled(resamples, all_of)
        self._values = all_of(np.ones((1, len(labels))))[0]

    def difference(self, first: int, second: int) -> Estimate:
        drawn = self._drawn[:, first] - self._drawn[:, second]
        return Estimate(
            value=number(self._values[first] - self._values[second]),
            interval=percentile_interval(drawn),
        )
