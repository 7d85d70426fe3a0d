"""Exact tests over groups: what two models have right, and one against naming the larger class."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.stats import betabinom, binom, binomtest

from cxr_tasks.statistics.figures_record import AgainstChance, SignFlips
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray

SIGN_FLIP_TEST = "exact sign-flip test over groups"
CHANCE_TEST = "beta-binomial test over groups"

_NONE, _WHOLE = 1e-9, 1 - 1e-9
"""Correlations beyond which images of a group are as good as independent, or as one image."""


def sign_flip_test(first: BoolArray, second: BoolArray, groups: IntArray) -> SignFlips:
    """Compare what two models have right on the same images; images of a group count together.

    The statistic is the number right of the first minus that of the second. If both are equally
    good, each group could as well have shown its difference with the other sign, whatever the
    correlation inside it. All sign patterns are counted, without a draw. Where every group is one
    image this is McNemar's exact test (1947, doi 10.1007/BF02295996).

    Flipping signs of whole clusters: Canay, Romano & Shaikh 2017, doi 10.3982/ECTA13081.

    Args:
        first: Whether the first model has each image right, shape (n,).
        second: The same of the second.
        groups: Shape (n,); images of one patient, or copies, share a number.
    """
    _, members = np.unique(groups, return_inverse=True)
    gains = np.bincount(members, weights=first.astype(np.float64) - second)
    return SignFlips(
        n_only_first_right=int((first & ~second).sum()),
        n_only_second_right=int((second & ~first).sum()),
        p_value=_sign_flip_p(gains.round().astype(np.int64)),
    )


def chance_test(right: BoolArray, labels: IntArray, groups: IntArray) -> AgainstChance:
    """Test whether a model has more right than the share of the larger class; one-sided.

    If each image were right with the chance that naming the larger class has, and images of one
    group with some correlation, the number right in a group would be beta-binomial (Williams
    1975, doi 10.2307/2529820), and the sum over groups is counted exactly, without a draw. The
    correlation is that of all pairs within groups (Ridout, Demetrio & Firth 1999, doi
    10.1111/j.0006-341X.1999.00137.x) around the chance. One group more, as large as the largest
    and wholly wrong, is added to it: where few groups are wrong, their correlation would else
    look small just when much is right. Where every group is one image no correlation counts, and
    this is the exact binomial test.

    Other tests were left out. Flipping the signs of (right - right by the larger class) is no
    binomial test at one image a group, and depends on which class is called the larger where both
    are equal. Dealing the labels out to the groups anew asks whether predictions know anything of
    the labels, which they may do and be worse than naming one class. Dividing the binomial's
    numbers by a design effect (Rao & Scott 1992, Biometrics 48, 577-585) rejected up to 28 % at
    5 % where groups were of unequal size. `bench.rejection_rates` measures the rates of this one.

    Args:
        right: Whether the model has each image right, shape (n,), n > 0.
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient, or copies, share a number.
    """
    covid = float((labels == 1).mean())
    chance = max(covid, 1 - covid)
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    correlation = _correlation(right, members, sizes, chance)
    n_right = int(right.sum())
    if sizes.max() == 1:
        p_value = float(binomtest(n_right, len(sizes), chance, alternative="greater").pvalue)
    else:
        of_size = partial(_n_right, chance=chance, correlation=correlation)
        p_value = float(min(1.0, _sum_over_groups(sizes, of_size)[n_right:].sum()))
    return AgainstChance(chance=chance, correlation=correlation, p_value=p_value)


def _sign_flip_p(gains: IntArray) -> float:
    """Return the share of all sign patterns whose sum is at least as far from 0 as these gains'."""
    gains = gains[gains != 0]
    sizes, statistic = np.abs(gains), abs(int(gains.sum()))
    if statistic == 0:
        return 1.0
    if (sizes == sizes[0]).all():  # each a coin of the same weight
        return float(binomtest(int((gains > 0).sum()), len(gains)).pvalue)
    # of both equal tails, all patterns in which this much or less is positive
    most = (int(sizes.sum()) - statistic) // 2
    return float(min(1.0, 2 * _sum_over_groups(sizes, _coins)[: most + 1].sum()))


def _sum_over_groups(sizes: IntArray, of_size: Callable[[int, int], FloatArray]) -> FloatArray:
    """Return the probability of each sum over groups, from 0 on.

    Args:
        sizes: Of the groups.
        of_size: Returns the same for so many groups (second) of one size (first).
    """
    total: FloatArray = np.ones(1)
    for size, n_groups in zip(*np.unique(sizes, return_counts=True), strict=True):
        total = np.convolve(total, of_size(int(size), int(n_groups)))
    return total


def _coins(size: int, n_groups: int) -> FloatArray:
    """Return the probability of each sum when a coin decides on each group's size, or nothing."""
    sums = np.zeros(size * n_groups + 1)
    sums[::size] = binom.pmf(np.arange(n_groups + 1), n_groups, 0.5)
    return sums


def _correlation(right: BoolArray, members: IntArray, sizes: IntArray, chance: float) -> float:
    largest = int(sizes.max())
    if largest == 1 or chance == 1:
        return 0.0
    beyond = right - chance
    of_groups = np.bincount(members, weights=beyond)
    products = (of_groups**2).sum() - (beyond**2).sum()
    n_pairs = (sizes * (sizes - 1)).sum()
    n_added = largest * (largest - 1)
    covariance = (products + n_added * chance**2) / (n_pairs + n_added)
    return float(np.clip(covariance / (chance * (1 - chance)), 0, 1))


def _n_right(size: int, n_groups: int, *, chance: float, correlation: float) -> FloatArray:
    """Return the probability of each number right in groups of one size."""
    if size == 1 or correlation < _NONE:
        n = size * n_groups
        return np.asarray(binom.pmf(np.arange(n + 1), n, chance))
    found, of_one = np.ones(1), _of_group(size, chance, correlation)
    while n_groups:  # by squares: in as many steps as the number has binary digits
        if n_groups % 2:
            found = np.convolve(found, of_one)
        n_groups //= 2
        if n_groups:
            of_one = np.convolve(of_one, of_one)
    return found


def _of_group(size: int, chance: float, correlation: float) -> FloatArray:
    if correlation > _WHOLE:
        return np.array([1 - chance, *[0.0] * (size - 1), chance])
    alike = 1 / correlation - 1
    return np.asarray(
        betabinom.pmf(np.arange(size + 1), size, chance * alike, (1 - chance) * alike)
    )
