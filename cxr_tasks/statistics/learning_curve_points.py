"""A ridge on growing parts of the groups, each tested on the images of all other groups."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.stats import rankdata

from cxr_tasks.statistics.permutation_test import RIDGE
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray

FRACTIONS = np.geomspace(0.25, 0.8, 6)
"""Of the groups of each class, that train."""

N_DRAWS, N_PARTS = 24, 20
DELETED = 0.2
"""Of the groups, in each of the parts that give the spread."""

LEAST_ERROR = 1e-3


@dataclass(frozen=True)
class Images:
    """What a curve is measured on."""

    kernel: FloatArray  # shape (n, n); products of features
    labels: IntArray
    groups: IntArray


@dataclass(frozen=True)
class Curve:
    """Errors by the number of training images, means over draws."""

    n_images: FloatArray  # of the trainings, shape (sizes,)
    errors: FloatArray  # 1 - AUC, the same shape


def measure_curve(images: Images, rng: np.random.Generator) -> tuple[Curve, list[Curve]]:
    """Measure the curve, and the curves of parts that lack a fifth of the groups.

    The parts keep the orders in which groups are added, so that they differ by the groups alone.
    """
    names, members = np.unique(images.groups, return_inverse=True)
    is_covid = np.bincount(members, weights=images.labels == 1) > 0
    keys = rng.random((N_DRAWS, len(names)))
    parts = [np.ones(len(names), np.bool_)]
    for _ in range(N_PARTS):
        kept = parts[0].copy()
        for each in (True, False):
            stratum = np.flatnonzero(is_covid == each)
            kept[rng.permutation(stratum)[: round(DELETED * len(stratum))]] = False
        parts.append(kept)
    curves = [_curve_of(images, members, is_covid, keys, kept) for kept in parts]
    return curves[0], curves[1:]


def _curve_of(
    images: Images, members: IntArray, is_covid: BoolArray, keys: FloatArray, kept: BoolArray
) -> Curve:
    """Average the curves of all draws, on the groups that are kept."""
    rows = np.flatnonzero(kept[members])
    measured = np.array(
        [_one_draw(images, rows, _places(key, is_covid, kept)[members[rows]]) for key in keys]
    )
    sizes, errors = measured.mean(axis=0).T
    return Curve(sizes, np.maximum(errors, LEAST_ERROR))


def _places(key: FloatArray, is_covid: BoolArray, kept: BoolArray) -> FloatArray:
    """Return each group's place in the order of its class, in (0, 1): those below f train first."""
    places = np.ones(len(key))
    for each in (True, False):
        stratum = np.flatnonzero((is_covid == each) & kept)
        places[stratum] = (rankdata(key[stratum]) - 0.5) / len(stratum)
    return places


def _one_draw(images: Images, rows: IntArray, places: FloatArray) -> FloatArray:
    """Train on growing parts of an order, test on the rest; shape (sizes, 2): images and error.

    One factor serves all sizes, since that of a smaller training is its upper left corner. The
    ridge's constant is not penalised, as if features were centred on those that train.
    """
    order = np.argsort(places, kind="stable")
    rows, places = rows[order], places[order]
    n_most = int((places < FRACTIONS[-1]).sum())
    kernel = images.kernel[np.ix_(rows, rows[:n_most])]
    factor = cholesky(kernel[:n_most] + RIDGE * np.eye(n_most), lower=True, check_finite=False)
    labels = images.labels[rows]
    both = np.stack([2.0 * labels[:n_most] - 1, np.ones(n_most)], axis=1)
    half = solve_triangular(factor, both, lower=True, check_finite=False)
    measured = []
    for fraction in FRACTIONS:
        n = int((places < fraction).sum())
        signs, ones = solve_triangular(
            factor[:n, :n], half[:n], lower=True, trans=1, check_finite=False
        ).T
        weights = signs - signs.sum() / ones.sum() * ones
        measured.append([n, 1 - _area(labels[n:], kernel[n:, :n] @ weights)])
    return np.array(measured)


def _area(labels: IntArray, scores: FloatArray) -> float:
    n_covid = int((labels == 1).sum())
    ranks = rankdata(scores.round(9))[labels == 1].sum()
    return float((ranks - n_covid * (n_covid + 1) / 2) / (n_covid * (len(labels) - n_covid)))
