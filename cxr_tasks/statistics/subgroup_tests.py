"""Whether a measure differs between subgroups: their values are dealt out anew, over groups.

What is dealt out is the value that a patient's images share. A patient with several values, such
as views, has one part for each; these are alike, and never in one subgroup, so that the test finds
less there, not more. The statistic divides each subgroup's deviation by its own spread, so that
subgroups may differ in that (Chung & Romano 2013, doi 10.1214/13-AOS1090).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from cxr_tasks.statistics.resampling import auc_of
from cxr_tasks.statistics.scores import FloatArray, IntArray

N_PERMUTATIONS = 1999
_MAX_CELLS = 2_000_000
"""Of images times permutations at once."""

CodeArray = npt.NDArray[np.int64]
Statistic = Callable[[CodeArray], FloatArray]


def mean_test(values: FloatArray, codes: IntArray, groups: IntArray, *, seed: int) -> float:
    """Test whether the mean of a figure that each image has differs between subgroups.

    Args:
        values: Shape (n,), such as 1 where an image is right.
        codes: Shape (n,); which subgroup it is in, from 0.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides the permutations.

    Returns:
        The p value; the real subgroups count as one permutation.
    """
    parts, members = _parts(codes, groups, np.zeros_like(groups))
    sums = np.bincount(members, weights=values).astype(np.float64)
    sizes = np.bincount(members).astype(np.float64)
    statistic = partial(_spread_of_means, sums, sizes, int(codes.max()) + 1)
    return _p_value(statistic, parts[:, 0], np.zeros(len(parts), np.int64), len(parts), seed)


def auc_test(
    labels: IntArray, scores: FloatArray, codes: IntArray, groups: IntArray, *, seed: int
) -> float:
    """Test whether the AUC differs between subgroups; values are dealt out within each class.

    Args:
        labels: Shape (n,); 1 is COVID-19. Every subgroup has both classes.
        scores: Shape (n,).
        codes: As in `mean_test`.
        groups: Likewise.
        seed: Decides the permutations.
    """
    parts, members = _parts(codes, groups, labels)
    statistic = partial(
        _spread_of_areas, labels, auc_of(labels, scores), members, int(codes.max()) + 1
    )
    return _p_value(statistic, parts[:, 0], parts[:, 2], len(labels), seed)


def _parts(codes: IntArray, groups: IntArray, strata: IntArray) -> tuple[IntArray, IntArray]:
    """Return the parts (code, group, stratum), and which of them each image is in."""
    parts, members = np.unique(
        np.stack([codes, groups, strata], axis=1), axis=0, return_inverse=True
    )
    return parts, members.reshape(-1)


def _p_value(
    statistic: Statistic, codes: IntArray, strata: IntArray, n_cells: int, seed: int
) -> float:
    rng = np.random.default_rng(seed)
    real = float(statistic(codes[None, :])[0])
    n_as_large, left = 1, N_PERMUTATIONS
    while left:
        n = min(left, max(1, _MAX_CELLS // n_cells))
        dealt = np.tile(codes, (n, 1))
        for stratum in np.unique(strata):
            inside = np.flatnonzero(strata == stratum)
            dealt[:, inside] = rng.permuted(dealt[:, inside], axis=1)
        n_as_large += int((statistic(dealt) >= real - 1e-12).sum())
        left -= n
    return n_as_large / (1 + N_PERMUTATIONS)


def _spread_of_means(
    sums: FloatArray, sizes: FloatArray, n_codes: int, codes: CodeArray
) -> FloatArray:
    mean = sums.sum() / sizes.sum()
    # one part of ordinary spread is added to each, or a subgroup without errors would be certain
    ordinary = float(np.mean((sums - mean * sizes) ** 2)) or 1.0
    means, variances = [], []
    for code in range(n_codes):
        inside = (codes == code).astype(np.float64)
        size = inside @ sizes
        found = (inside @ sums) / size
        squares = inside @ sums**2 - 2 * found * (inside @ (sums * sizes))
        squares += found**2 * (inside @ sizes**2)
        means.append(found)
        variances.append((np.maximum(squares, 0) + ordinary) / size**2)
    return _weighted_spread(np.array(means), np.array(variances))


def _spread_of_areas(
    labels: IntArray,
    area: Callable[[FloatArray], FloatArray],
    members: IntArray,
    n_codes: int,
    codes: CodeArray,
) -> FloatArray:
    areas, variances = [], []
    for code in range(n_codes):
        inside = (codes == code)[:, members].astype(np.float64)
        areas.append(area(inside))
        variances.append(1 / (inside @ (labels == 1)) + 1 / (inside @ (labels == 0)))
    return _weighted_spread(np.array(areas), np.array(variances))


def _weighted_spread(values: FloatArray, variances: FloatArray) -> FloatArray:
    centre = (values / variances).sum(axis=0) / (1 / variances).sum(axis=0)
    spread: FloatArray = ((values - centre) ** 2 / variances).sum(axis=0)
    return spread
