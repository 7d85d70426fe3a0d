"""Whether two variants can be told apart on the same images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from cxr_tasks.statistics import group_signs
from cxr_tasks.statistics.group_signs import BoolArray
from cxr_tasks.statistics.intervals import delong_p
from cxr_tasks.statistics.metrics import predict
from cxr_tasks.statistics.resampling import (
    Resamples,
    auc_of,
    mean_of,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scored import FloatArray, Scored

SIGNIFICANCE = 0.05


def pairs(
    scored: Mapping[str, Scored], resamples: Resamples, *, titles: Mapping[str, str]
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
        independent, are told beside them and decide nothing.
    """
    found = [
        {"first": first, "second": second, **_compare(scored[first], scored[second], resamples)}
        for first, second in combinations(scored, 2)
    ]
    corrected = holm([pair["p_value"] for pair in found])
    for pair, p_holm in zip(found, corrected, strict=True):
        pair |= {"p_holm": p_holm, "distinguishable": p_holm < SIGNIFICANCE}
        n_right = {pair[place]: _n_right(scored[pair[place]]) for place in ("first", "second")}
        pair["sentence"] = _sentence(pair, n_right, titles)
    return found


def is_right(scored: Scored) -> BoolArray:
    """Return which images a variant has right at the fixed threshold."""
    right: BoolArray = predict(scored.scores) == scored.labels
    return right


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


def auc_difference(
    first: Scored, second: FloatArray, resamples: Resamples
) -> dict[str, float | list[float] | None]:
    """Compare a variant's AUC with that of other scores of the same images.

    Returns:
        `value`, first minus second, and its paired bootstrap `interval`; None where a class
        is missing.
    """
    of_first, of_second = auc_of(first.labels, first.scores), auc_of(first.labels, second)
    everyone = np.ones((1, len(first)))
    value = float((of_first(everyone) - of_second(everyone))[0])
    drawn = resampled(resamples, lambda weights: of_first(weights) - of_second(weights))
    return {"value": value if np.isfinite(value) else None, "interval": percentile_interval(drawn)}


def _compare(first: Scored, second: Scored, resamples: Resamples) -> dict[str, Any]:
    right, other = is_right(first), is_right(second)
    gain = right.astype(np.float64) - other
    tested = group_signs.group_signs(right, other, first.groups)
    return {
        "n_images": len(first),
        "n_groups": len(np.unique(first.groups)),
        **tested,
        "test": group_signs.TEST,
        "p_mcnemar": mcnemar_p(tested["n_only_first_right"], tested["n_only_second_right"]),
        "accuracy_difference": {
            "value": float(gain.mean()),
            "interval": percentile_interval(resampled(resamples, mean_of(gain))),
        },
        "auc_difference": {
            **auc_difference(first, second.scores, resamples),
            "p_delong": delong_p(first.labels, first.scores, second.scores),
        },
    }


def _n_right(scored: Scored) -> int:
    return int(is_right(scored).sum())


def _sentence(
    pair: Mapping[str, Any], n_right: Mapping[str, int], titles: Mapping[str, str]
) -> str:
    better, worse = sorted((pair["first"], pair["second"]), key=lambda name: -n_right[name])
    p_holm = pair["p_holm"]
    p = "p < 0.001" if p_holm < 0.001 else f"p = {p_holm:.3f}"
    told = "has more right than" if pair["distinguishable"] else "is not distinguishable from"
    return (
        f"{titles[better]} {told} {titles[worse]} on {pair['n_images']} images "
        f"({n_right[better]} against {n_right[worse]} right; {pair['test']}, {p} after Holm's "
        "correction)."
    )
