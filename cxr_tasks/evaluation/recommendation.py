"""Which variant to take: the cheapest that cannot be told from the best."""

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import binomtest

SIGNIFICANCE = 0.05
_BASIS_NAMES = {"val": "validation", "test": "test", "oof": "out-of-fold"}


def recommend(
    n_right: Mapping[str, int],
    *,
    n_images: int,
    pairs: Sequence[Mapping[str, Any]],
    losses: Mapping[str, float],
    train_seconds: Mapping[str, float],
    chance: float,
    basis: str,
) -> dict[str, Any]:
    """Choose a variant and say why.

    The best has the most images right (then the lowest loss). Of all variants that an exact
    McNemar test on the same images, corrected for all pairs, does not tell from it, the cheapest
    to train is taken.

    Args:
        n_right: For each variant, how many images of the basis it has right.
        n_images: How many images the basis has.
        pairs: Every two variants compared, as `significance.pairs` does.
        losses: Cross-entropy on the same images.
        train_seconds: What each training cost, its preparation and folds included.
        chance: Accuracy of always naming the larger class of the basis, in [0, 1].
        basis: What the images are: `val`, `test` or `oof`.
    """
    best = min(n_right, key=lambda name: (-n_right[name], losses[name]))
    compared = {name: _with_best(best, name, pairs) for name in n_right if name != best}
    equal = [name for name, result in compared.items() if result["p_holm"] >= SIGNIFICANCE]
    chosen = min([best, *equal], key=lambda name: train_seconds[name])
    reason = _reason(chosen, best, n_right, n_images, train_seconds, basis, n_equal=len(equal))
    p_chance = float(binomtest(n_right[chosen], n_images, chance, alternative="greater").pvalue)
    return {
        "variant": chosen,
        "best": best,
        "reason": reason,
        "compared": compared,
        "above_chance": p_chance < SIGNIFICANCE,
        "p_chance": p_chance,
    }


def _with_best(best: str, other: str, pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Find the comparison of two variants, turned so that the best comes first."""
    pair = next(pair for pair in pairs if {pair["first"], pair["second"]} == {best, other})
    only = {pair[place]: pair[f"n_only_{place}_right"] for place in ("first", "second")}
    return {
        "p_value": pair["p_value"],
        "p_holm": pair["p_holm"],
        "n_only_best_right": only[best],
        "n_only_this_right": only[other],
    }


def _reason(
    chosen: str,
    best: str,
    n_right: Mapping[str, int],
    n_images: int,
    train_seconds: Mapping[str, float],
    basis: str,
    *,
    n_equal: int,
) -> str:
    part = _BASIS_NAMES[basis]
    told = f"{best} has the most {part} images right: {n_right[best]} of {n_images}."
    if len(n_right) == 1:
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
        f"{told} {chosen} has {n_right[chosen]} right, which on {n_images} images cannot be "
        f"told from that (exact McNemar test, p at least {SIGNIFICANCE} after Holm's "
        f"correction), and its training took {share:.0%} of the time."
    )
