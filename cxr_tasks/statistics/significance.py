"""Whether two variants can be told apart on the same images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from cxr_tasks.statistics.exact_tests import SIGN_FLIP_TEST, sign_flip_test
from cxr_tasks.statistics.intervals import delong_p
from cxr_tasks.statistics.resampling import Estimate, Resamples, auc_of, estimate, mean_of
from cxr_tasks.statistics.scores import FloatArray, ScoredImages
from cxr_tasks.wording import p_compared

SIGNIFICANCE = 0.05


def compare_pairs(
    scored: Mapping[str, ScoredImages], resamples: Resamples, *, titles: Mapping[str, str]
) -> list[dict[str, Any]]:
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
    pairs = [
        {"first": first, "second": second, **_compare(scored[first], scored[second], resamples)}
        for first, second in combinations(scored, 2)
    ]
    for pair, p_holm in zip(pairs, holm([pair["p_value"] for pair in pairs]), strict=True):
        pair |= {"p_holm": p_holm, "distinguishable": p_holm < SIGNIFICANCE}
        n_right = {name: int(scored[name].are_right.sum()) for name in scored}
        pair["sentence"] = _sentence(pair, n_right, titles)
    return pairs


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

    Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    if not p_values:
        return []
    return [float(value) for value in multipletests(p_values, method="holm")[1]]


def auc_difference(first: ScoredImages, second: FloatArray, resamples: Resamples) -> Estimate:
    """Compare a variant's AUC with that of other scores of the same images, first minus second."""
    of_first, of_second = auc_of(first.labels, first.scores), auc_of(first.labels, second)
    return estimate(lambda weights: of_first(weights) - of_second(weights), resamples)


def _compare(first: ScoredImages, second: ScoredImages, resamples: Resamples) -> dict[str, Any]:
    tested = sign_flip_test(first.are_right, second.are_right, first.groups)
    gains = first.are_right.astype(np.float64) - second.are_right
    return {
        "n_images": len(first),
        "n_groups": len(np.unique(first.groups)),
        **tested,
        "test": SIGN_FLIP_TEST,
        "p_mcnemar": mcnemar_p(tested["n_only_first_right"], tested["n_only_second_right"]),
        "accuracy_difference": estimate(mean_of(gains), resamples),
        "auc_difference": {
            **auc_difference(first, second.scores, resamples),
            "p_delong": delong_p(first.labels, first.scores, second.scores),
        },
    }


def _sentence(
    pair: Mapping[str, Any], n_right: Mapping[str, int], titles: Mapping[str, str]
) -> str:
    better, worse = sorted((pair["first"], pair["second"]), key=lambda name: -n_right[name])
    verb = "has more right than" if pair["distinguishable"] else "is not distinguishable from"
    return (
        f"{titles[better]} {verb} {titles[worse]} on {pair['n_images']} images "
        f"({n_right[better]} against {n_right[worse]} right; {pair['test']}, p "
        f"{p_compared(pair['p_holm'])} after Holm's correction)."
    )
