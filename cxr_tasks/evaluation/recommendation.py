"""Which variant to take, if any: the smallest that cannot be told from the best.

Images, settings and seed alone decide, never a clock: what a training took depends on the machine,
on its load, and on what an earlier run left in the cache.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cxr_tasks.statistics import chance, group_signs
from cxr_tasks.statistics.significance import SIGNIFICANCE, holm

RULE = (
    "The best variant has the most images right (then the lowest loss, then the order in which "
    "variants are listed). Of those that cannot be told from it and are better than always naming "
    "the larger class, the one with the fewest trainable parameters is recommended (then the "
    "first listed); without such a one, none is."
)
_BASIS_NAMES = {"val": "validation", "test": "test", "oof": "out-of-fold"}

Facts = dict[str, Any]


def recommend(
    n_right: Mapping[str, int],
    *,
    n_images: int,
    pairs: Sequence[Mapping[str, Any]],
    losses: Mapping[str, float],
    n_trainable: Mapping[str, int],
    chances: Mapping[str, Mapping[str, Any]],
    basis: str,
) -> Facts:
    """Choose a variant by `RULE`, or none, and say why.

    Each variant is another chance to look better than chance by luck, so their tests are
    corrected for being several, as the pairs are.

    Args:
        n_right: For each variant, how many images of the basis it has right; in their fixed order.
        n_images: How many images the basis has.
        pairs: Every two variants compared, as `significance.pairs` does.
        losses: Cross-entropy on the same images.
        n_trainable: How many parameters each training changes.
        chances: Each variant against always naming the larger class, as `chance_test` does.
        basis: What the images are: `val`, `test` or `oof`.

    Returns:
        `variant`, the recommended one, or None; `best`; `reason`; `rule`; `compared`, each other
        one with the best; `chance`, each variant's test with its corrected p; and of the variant
        that is shown, `above_chance` and its uncorrected `p_chance`.
    """
    best = min(n_right, key=lambda name: (-n_right[name], losses[name]))
    compared = {name: _with_best(best, name, pairs) for name in n_right if name != best}
    tested = _corrected(chances)
    equal = [name for name in n_right if name == best or _is_equal(compared[name])]
    able = [name for name in equal if tested[name]["above_chance"]]
    chosen = min(able, key=lambda name: n_trainable[name]) if able else None
    part = _BASIS_NAMES[basis]
    if chosen is not None and chosen != best:
        of, p = f"of {n_images} {part} images", compared[chosen]["p_holm"]
        reason = _why_smaller(chosen, best, n_right, of, n_trainable, p)
    else:
        several = sum(n == n_right[best] for n in n_right.values()) > 1
        told = f"{best} has the most {part} images right: {n_right[best]} of {n_images}"
        told += ", and of those with as many the lowest loss." if several else "."
        reason = f"{told} {_why_best(n_right, able) if chosen else _why_none(best, tested)}"
    shown = tested[chosen or best]
    return {
        "variant": chosen,
        "best": best,
        "reason": reason,
        "rule": RULE,
        "compared": compared,
        "chance": tested,
        "above_chance": shown["above_chance"],
        "p_chance": shown["p_value"],
    }


def _with_best(best: str, other: str, pairs: Sequence[Mapping[str, Any]]) -> Facts:
    """Find the comparison of two variants, turned so that the best comes first."""
    pair = next(pair for pair in pairs if {pair["first"], pair["second"]} == {best, other})
    only = {pair[place]: pair[f"n_only_{place}_right"] for place in ("first", "second")}
    return {
        "p_value": pair["p_value"],
        "p_holm": pair["p_holm"],
        "n_only_best_right": only[best],
        "n_only_this_right": only[other],
    }


def _is_equal(compared: Mapping[str, Any]) -> bool:
    return bool(compared["p_holm"] >= SIGNIFICANCE)


def _corrected(chances: Mapping[str, Mapping[str, Any]]) -> dict[str, Facts]:
    corrected = holm([each["p_value"] for each in chances.values()])
    return {
        name: {**each, "test": chance.TEST, "p_holm": p, "above_chance": p < SIGNIFICANCE}
        for (name, each), p in zip(chances.items(), corrected, strict=True)
    }


def _why_smaller(
    chosen: str,
    best: str,
    n_right: Mapping[str, int],
    of: str,
    n_trainable: Mapping[str, int],
    p: float,
) -> str:
    return (
        f"{chosen} has {n_right[chosen]} {of} right, the best, {best}, {n_right[best]}. These "
        f"images do not tell the two apart ({group_signs.TEST}, p = {p:.2f} after Holm's "
        f"correction), which does not make them equal; {chosen} trains the fewest parameters: "
        f"{n_trainable[chosen]:,}; {best}: {n_trainable[best]:,}."
    )


def _why_best(n_right: Mapping[str, int], able: Sequence[str]) -> str:
    if len(n_right) == 1:
        return "It is the only variant of this run."
    if len(able) > 1:
        return "Those that cannot be told from it on these images train no fewer parameters."
    return "On these images no other variant that is better than chance equals it."


def _why_none(best: str, tested: Mapping[str, Mapping[str, Any]]) -> str:
    p = f"p = {tested[best]['p_holm']:.3f}"
    if len(tested) == 1:
        return f"It is not better than always naming the larger class ({chance.TEST}, {p})."
    if any(each["above_chance"] for each in tested.values()):
        return (
            "Neither it nor any that equals it is better than always naming the larger class "
            f"({chance.TEST}, {p} after Holm's correction for {len(tested)} variants)."
        )
    return (
        f"No variant is better than always naming the larger class ({chance.TEST}, {p} for "
        f"{best} after Holm's correction for {len(tested)} variants)."
    )
