"""Whether features predict the label: cross-validated ridge, tested by permuting groups.

The ridge's out-of-fold scores are linear in the labels. So the part that depends on the features
is solved once a fold, and a thousand permuted labellings are refitted exactly by one product.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import rankdata

from cxr_tasks.statistics.scores import FloatArray, IntArray

N_PERMUTATIONS = 999
RIDGE = 1.0
"""Penalty, where features are scaled to a mean square length of 1: fixed, never tuned to labels."""

_DIGITS = 9
"""Of scores: what differs beyond them only, as where features say nothing, is a tie."""

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
        n_as_large = int((self.null_aucs >= self.auc - 1e-12).sum())
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
        n_permutations: How many.
    """
    signs = (2.0 * labels - 1)[:, None]
    permuted = permute_groups(labels, groups, n_permutations=n_permutations, seed=seed)
    scores, means = _out_of_fold(features, np.hstack([signs, 2.0 * permuted - 1]), folds)
    np.round(scores, _DIGITS, out=scores)
    real = scores[:, 0]
    return PermutationTest(
        scores=real,
        accuracy=float(((real + means[:, 0] > 0) == (labels == 1)).mean()),
        auc=float(_aucs(labels[:, None], real[:, None])[0]),
        null_aucs=_aucs(permuted, scores[:, 1:]),
    )


def permute_groups(
    labels: IntArray, groups: IntArray, *, n_permutations: int, seed: int
) -> npt.NDArray[np.int8]:
    """Deal the groups' labels out to the groups anew, shape (n, n_permutations)."""
    _, firsts, members = np.unique(groups, return_index=True, return_inverse=True)
    of_groups = np.tile(labels[firsts].astype(np.int8)[:, None], (1, n_permutations))
    dealt = np.random.default_rng(seed).permuted(of_groups, axis=0)
    permuted: npt.NDArray[np.int8] = dealt[members]
    return permuted


def _out_of_fold(
    features: FloatArray, signs: FloatArray, folds: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a ridge on the rest of each fold; return its scores, and the rest's mean label.

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
