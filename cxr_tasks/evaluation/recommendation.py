"""Which variant to take: the cheapest that cannot be told from the best."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

BoolArray = npt.NDArray[np.bool_]

SIGNIFICANCE = 0.05


def recommend(
    right: Mapping[str, BoolArray],
    *,
    losses: Mapping[str, float],
    train_seconds: Mapping[str, float],
    chance: float,
    basis: str,
) -> dict[str, Any]:
    """Choose a variant and say why.

    The best has the most images right (then the lowest loss). Of all variants that an exact
    McNemar test on the same images does not tell from it, the cheapest to train is taken.

    Args:
        right: For each variant, which images of the basis it has right, shape (n,) each.
        losses: Cross-entropy on the same images.
        train_seconds: What each training cost, its preparation included.
        chance: Accuracy of always naming the larger class of the basis, in [0, 1].
        basis: The part that the images are, `val` or `test`.
    """
    best = min(right, key=lambda name: (-int(right[name].sum()), losses[name]))
    compared = {name: compare(right[best], right[name]) for name in right if name != best}
    equal = [name for name, result in compared.items() if result["p_value"] >= SIGNIFICANCE]
    chosen = min([best, *equal], key=lambda name: train_seconds[name])
    reason = _reason(chosen, best, right, train_seconds, basis, n_equal=len(equal))
    n_right, n = int(right[chosen].sum()), len(right[chosen])
    p_chance = float(binomtest(n_right, n, chance, alternative="greater").pvalue)
    return {
        "variant": chosen,
        "best": best,
        "reason": reason,
        "compared": compared,
        "above_chance": p_chance < SIGNIFICANCE,
        "p_chance": p_chance,
    }


def compare(best: BoolArray, other: BoolArray) -> dict[str, float]:
    """Compare two variants on the same images by McNemar's exact test.

    Only images that exactly one of the two has right say anything; under equal accuracy each
    is a fair coin. McNemar 1947, doi 10.1007/BF02295996.
    """
    n_only_best = int((best & ~other).sum())
    n_only_other = int((other & ~best).sum())
    n_discordant = n_only_best + n_only_other
    p_value = float(binomtest(n_only_best, n_discordant).pvalue) if n_discordant else 1.0
    return {
        "p_value": p_value,
        "n_only_best_right": n_only_best,
        "n_only_this_right": n_only_other,
    }


def _reason(
    chosen: str,
    best: str,
    right: Mapping[str, BoolArray],
    train_seconds: Mapping[str, float],
    basis: str,
    *,
    n_equal: int,
) -> str:
    n = len(right[best])
    part = {"val": "validation", "test": "test"}[basis]
    told = f"{best} has the most {part} images right: {int(right[best].sum())} of {n}."
    if len(right) == 1:
        return f"{told} It is the only variant of this run."
    if chosen == best:
        others = (
            "those that cannot be told from it on these images took longer to train"
            if n_equal
            else "on these images every other variant can be told from it"
        )
        return f"{told} It is taken because {others}."
    share = train_seconds[chosen] / train_seconds[best]
    return (
        f"{told} {chosen} has {int(right[chosen].sum())} right, which on {n} images cannot be "
        f"told from that (exact McNemar test, p at least {SIGNIFICANCE}), and its training "
        f"took {share:.0%} of the time."
    )
