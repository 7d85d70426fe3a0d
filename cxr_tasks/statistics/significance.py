"""Whether two variants can be told apart on the same images."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.stats import binomtest

from cxr_tasks.statistics.exact_tests import SIGN_FLIP_TEST, sign_flip_test
from cxr_tasks.statistics.figures_record import AucDifference, Estimate, PairFacts, SignFlips
from cxr_tasks.statistics.intervals import delong_p
from cxr_tasks.statistics.resampling import Resamples, auc_of, estimate, mean_of
from cxr_tasks.statistics.scores import FloatArray, ScoredImages
from cxr_tasks.wording import p_compared

SIGNIFICANCE = 0.05


def compare_pairs(
    scored: Mapping[str, ScoredImages], resamples: Resamples, *, titles: Mapping[str, str]
) -> list[PairFacts]:
    """Compare every two variants on the same images.

    Args:
        scored: For each variant its scores, all of the same images in the same order.
        resamples: Draws of these images' groups.
        titles: What a person calls each variant.

    Returns:
        For each pair: what only one of both has right, tested over groups, alone and corrected
        for all pairs (Holm); differences of accuracy and AUC (first minus second) with paired
        bootstrap intervals; and a sentence. McNemar's and DeLong's p, which take images as
        independent, stand beside them and decide nothing.
    """
    pairs = list(combinations(scored, 2))
    tested = [
        sign_flip_test(scored[first].are_right, scored[second].are_right, scored[first].groups)
        for first, second in pairs
    ]
    corrected = holm([test.p_value for test in tested])
    return [
        _describe(pair, scored, resamples, test, p_holm, titles)
        for pair, test, p_holm in zip(pairs, tested, corrected, strict=True)
    ]


def mcnemar_p(n_only_first_right: int, n_only_second_right: int) -> float:
    """Compare what two variants have right on independent images, by McNemar's exact test.

    Only images that exactly one of the two has right say anything; under equal accuracy each
    is a fair coin. McNemar 1947, doi 10.1007/BF02295996. Images of one patient are no separate
    coins: then it finds differences where there are none, so that nothing is decided by it.
    """
    n_discordant = n_only_first_right + n_only_second_right
    return float(binomtest(n_only_first_right, n_discordant).pvalue) if n_discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for being several, step by step from the smallest.

    Holm 1979, Scandinavian Journal of Statistics 6, 65-70: the smallest is multiplied by their
    number, the next by one less; none is below the one before, or above 1.
    """
    values = np.asarray(p_values, np.float64)
    order, factors = np.argsort(values), np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1)
    return [float(value) for value in corrected]


def auc_difference(first: ScoredImages, second: FloatArray, resamples: Resamples) -> Estimate:
    """Compare a variant's AUC with that of other scores of the same images, first minus second."""
    of_first, of_second = auc_of(first.labels, first.scores), auc_of(first.labels, second)
    return estimate(lambda weights: of_first(weights) - of_second(weights), resamples)


def _describe(
    pair: tuple[str, str],
    scored: Mapping[str, ScoredImages],
    resamples: Resamples,
    test: SignFlips,
    p_holm: float,
    titles: Mapping[str, str],
) -> PairFacts:
    first, second = (scored[name] for name in pair)
    gains = first.are_right.astype(np.float64) - second.are_right
    area = auc_difference(first, second.scores, resamples)
    n_right = {name: int(scored[name].are_right.sum()) for name in pair}
    better, worse = sorted(pair, key=lambda name: -n_right[name])
    verb = "has more right than" if p_holm < SIGNIFICANCE else "is not distinguishable from"
    return PairFacts(
        first=pair[0],
        second=pair[1],
        n_images=len(first),
        n_groups=len(np.unique(first.groups)),
        **test.content(),
        test=SIGN_FLIP_TEST,
        p_mcnemar=mcnemar_p(test.n_only_first_right, test.n_only_second_right),
        accuracy_difference=estimate(mean_of(gains), resamples),
        auc_difference=AucDifference(
            **area.content(), p_delong=delong_p(first.labels, first.scores, second.scores)
        ),
        p_holm=p_holm,
        distinguishable=p_holm < SIGNIFICANCE,
        sentence=f"{titles[better]} {verb} {titles[worse]} on {len(first)} images "
        f"({n_right[better]} against {n_right[worse]} right; {SIGN_FLIP_TEST}, p "
        f"{p_compared(p_holm)} after Holm's correction).",
    )
