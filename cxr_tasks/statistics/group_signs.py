"""Whether two models have equally many images right, tested over groups: patients and copies."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest

from cxr_tasks.statistics.scored import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

TEST = "exact sign-flip test over groups"


def group_signs(first: BoolArray, second: BoolArray, groups: IntArray) -> dict[str, Any]:
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

    Returns:
        What only one of both has right, in images, and the two-sided `p_value`.
    """
    _, members = np.unique(groups, return_inverse=True)
    gains = np.bincount(members, weights=first.astype(np.float64) - second)
    return {
        "n_only_first_right": int((first & ~second).sum()),
        "n_only_second_right": int((second & ~first).sum()),
        "p_value": _sign_flip_p(gains.round().astype(np.int64)),
    }


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
    return float(min(1.0, 2 * _positive_sums(sizes)[: most + 1].sum()))


def _positive_sums(sizes: IntArray) -> FloatArray:
    """Return the probability of each sum of sizes, from 0 on, when a coin decides on each.

    Of n groups of one size the number that is positive is binomial; sizes are then convolved.
    """
    found: FloatArray = np.ones(1)
    for size, n_groups in zip(*np.unique(sizes, return_counts=True), strict=True):
        sums = np.zeros(size * n_groups + 1)
        sums[::size] = binom.pmf(np.arange(n_groups + 1), n_groups, 0.5)
        found = np.convolve(found, sums)
    return found
