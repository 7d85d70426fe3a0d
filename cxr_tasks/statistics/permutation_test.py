"""Whether features predict the label: cross-validated ridge, tested by permuting groups.

The ridge's out-of-fold scores are linear in the labels. So the part that depends on the features
is solved once a fold, and a thousand permuted labellings are refitted exactly by one product.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import rankdata

from cxr_tasks.statistics.scores import FloatArray, IntArray

N_PERMUTATIONS = 999
_MAX_TESTS = 3
"""For which these permutations suffice, corrected for being several, at a level of 0.01."""

_HOPELESS = 10
"""Of the first `N_PERMUTATIONS`, that show as much as the real labels: p is above 0.01 then, and
no significant p value comes about by stopping there."""

RIDGE = 1.0
"""Penalty, where features are scaled to a mean square length of 1: fixed, never tuned to labels."""

_DIGITS = 9
"""Of scores: what differs beyond them only, as where features say nothing, is a tie."""

_EQUAL = 1e-12
_MAX_CELLS = 20_000_000
"""Of images times permutations that are ranked at once."""


@dataclass(frozen=True)
class PermutationTest:
    """How well features tell the labels, and how far chance would come."""

    scores: FloatArray  # out of fold, shape (n,); the higher the more like COVID-19
    accuracy: float  # share of images whose sign is right, in [0, 1]
    auc: float  # area under the ROC curve of all scores together
    null_aucs: FloatArray  # the same with labels permuted among groups, shape (n_permutations,)

    @property
    def p_value(self) -> float:
        """The share of labellings that show as much, one-sided; the real one counts.

        Phipson & Smyth 2010, doi 10.2202/1544-6115.1585.
        """
        n_as_large = int((self.null_aucs >= self.auc - _EQUAL).sum())
        return (1 + n_as_large) / (1 + len(self.null_aucs))


def permutation_test(
    features: FloatArray,
    labels: IntArray,
    groups: IntArray,
    folds: IntArray,
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
) -> PermutationTest:
    """Predict labels from features out of fold, and the same from permuted labels.

    Args:
        features: Shape (n, d), standardised.
        labels: Shape (n,); 1 is COVID-19. Each group has one label.
        groups: Shape (n,); images of one patient or copies share a number.
        folds: Shape (n,); in which fold each image is tested. No group is in two.
        seed: Decides the permutations.
        n_permutations: How many at most: where chance comes as far in ten of the first 999, no
            more are drawn (after Besag & Clifford 1991, doi 10.1093/biomet/78.2.301).
    """
    real, mean = _out_of_fold(features, _signs(labels)[:, None], folds)
    auc = float(_aucs(labels[:, None], real)[0])
    null_aucs = np.empty(0)
    while (left := n_permutations - len(null_aucs)) > 0:
        permuted = permute_groups(
            labels,
            groups,
            n_permutations=min(left, N_PERMUTATIONS),
            seed=[seed, len(null_aucs)] if len(null_aucs) else seed,
        )
        scores, _ = _out_of_fold(features, _signs(permuted), folds)
        null_aucs = np.append(null_aucs, _aucs(permuted, scores))
        is_first = len(null_aucs) <= N_PERMUTATIONS  # only then is p above 0.01 for good
        if is_first and (null_aucs >= auc - _EQUAL).sum() >= _HOPELESS:
            break
    return PermutationTest(
        scores=real[:, 0],
        accuracy=float(((real + mean > 0)[:, 0] == (labels == 1)).mean()),
        auc=auc,
        null_aucs=null_aucs,
    )


def enough_permutations(n_tests: int) -> int:
    """Return how many permutations a test needs that is one of several, by Holm's correction.

    The smallest p value that they can give is one part in their number and one; corrected, it has
    to be well below 0.01.
    """
    return (N_PERMUTATIONS + 1) * max(1, math.ceil(n_tests / _MAX_TESTS)) - 1


def permute_groups(
    labels: IntArray, groups: IntArray, *, n_permutations: int, seed: int | Sequence[int]
) -> npt.NDArray[np.int8]:
    """Deal the groups' labels out to the groups anew, shape (n, n_permutations)."""
    _, firsts, members = np.unique(groups, return_index=True, return_inverse=True)
    of_groups = np.tile(labels[firsts].astype(np.int8)[:, None], (1, n_permutations))
    dealt = np.random.default_rng(seed).permuted(of_groups, axis=0)
    permuted: npt.NDArray[np.int8] = dealt[members]
    return permuted


def _signs(labels: npt.NDArray[np.integer]) -> FloatArray:
    signs: FloatArray = 2.0 * labels.astype(np.float64) - 1
    return signs


def _out_of_fold(
    features: FloatArray, signs: FloatArray, folds: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a ridge on the rest of each fold; return its scores, rounded, and the rest's mean label.

    A fold with more of a class leaves fewer of it to the rest. So that this does not show in the
    scores of all folds together, the rest's mean is no part of them.
    """
    scores, means = np.empty_like(signs), np.empty_like(signs)
    for fold in np.unique(folds):
        tested, rest = folds == fold, folds != fold
        centre, mean = features[rest].mean(axis=0), signs[rest].mean(axis=0)
        given = features[tested] - centre
        scores[tested] = _ridge(features[rest] - centre, signs[rest] - mean, given=given)
        means[tested] = mean
    np.round(scores, _DIGITS, out=scores)
    return scores, means


def _ridge(fitted: FloatArray, signs: FloatArray, *, given: FloatArray) -> FloatArray:
    """Return the scores of given images, shape (m, k), by the smaller of two equal systems."""
    n, d = fitted.shape
    if n < d:
        kernel = fitted @ fitted.T + RIDGE * np.eye(n)
        scores: FloatArray = (given @ fitted.T) @ cho_solve(cho_factor(kernel), signs)
    else:
        penalised = fitted.T @ fitted + RIDGE * np.eye(d)
        scores = given @ cho_solve(cho_factor(penalised), fitted.T @ signs)
    return scores


def _aucs(labels: npt.NDArray[np.integer], scores: FloatArray) -> FloatArray:
    """Return the area under the ROC curve of each column, by ranks; ties count half."""
    n_covid = labels.sum(axis=0, dtype=np.int64)
    n_normal = len(labels) - n_covid
    n_columns = max(1, _MAX_CELLS // len(labels))
    ranks = np.concatenate(
        [
            (rankdata(scores[:, columns], axis=0) * labels[:, columns]).sum(axis=0)
            for start in range(0, scores.shape[1], n_columns)
            for columns in [slice(start, start + n_columns)]
        ]
    )
    areas: FloatArray = (ranks - n_covid * (n_covid + 1) / 2) / (n_covid * n_normal)
    return areas
