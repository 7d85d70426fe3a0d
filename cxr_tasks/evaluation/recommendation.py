"""Which variant to take, if any: the smallest that cannot be told from the best.

Images, settings and seed alone decide, never a clock: what a training took depends on the machine,
on its load, and on what an earlier run left in the cache.
"""

from collections.abc import Mapping, Sequence

from cxr_tasks.evaluation.comparison_record import ComparedWithBest, RecommendationFacts
from cxr_tasks.statistics.exact_tests import CHANCE_TEST, SIGN_FLIP_TEST
from cxr_tasks.statistics.figures_record import AgainstChance, Basis, ChanceTest, PairFacts
from cxr_tasks.statistics.significance import SIGNIFICANCE, holm
from cxr_tasks.wording import PART_NAMES

RULE = (
    "The best variant has the most images right (then the lowest loss, then the order in which "
    "variants are listed). Of those that cannot be told from it and are better than always naming "
    "the larger class, the one with the fewest trainable parameters is recommended (then the "
    "first listed); without such a one, none is."
)


def recommend(
    n_right: Mapping[str, int],
    *,
    n_images: int,
    pairs: Sequence[PairFacts],
    losses: Mapping[str, float],
    n_trainable: Mapping[str, int],
    chances: Mapping[str, AgainstChance],
    basis: Basis,
) -> RecommendationFacts:
    """Choose a variant by `RULE`, or none, and say why.

    Each variant is another chance to look better than chance by luck, so their tests are
    corrected for being several, as the pairs are.

    Args:
        n_right: For each variant, how many images of the basis it has right; in their fixed order.
        n_images: How many images the basis has.
        pairs: Every two variants compared, as `compare_pairs` does.
        losses: Cross-entropy on the same images.
        n_trainable: How many parameters each training changes.
        chances: Each variant against always naming the larger class, as `chance_test` does.
        basis: What the images are.
    """
    best = min(n_right, key=lambda name: (-n_right[name], losses[name]))
    compared = {name: _with_best(best, name, pairs) for name in n_right if name != best}
    corrected = holm([each.p_value for each in chances.values()])
    tested = {
        name: ChanceTest(
            **each.content(), test=CHANCE_TEST, p_holm=p, above_chance=p < SIGNIFICANCE
        )
        for (name, each), p in zip(chances.items(), corrected, strict=True)
    }
    equal = [name for name in n_right if name == best or compared[name].p_holm >= SIGNIFICANCE]
    able = [name for name in equal if tested[name].above_chance]
    chosen = min(able, key=lambda name: n_trainable[name]) if able else None
    part = PART_NAMES[basis]
    if chosen is not None and chosen != best:
        reason = (
            f"{chosen} has {n_right[chosen]} of {n_images} {part} images right, the best, {best}, "
            f"{n_right[best]}. These images do not tell the two apart ({SIGN_FLIP_TEST}, "
            f"p = {compared[chosen].p_holm:.2f} after Holm's correction), which does not make "
            f"them equal; {chosen} trains the fewest parameters: {n_trainable[chosen]:,}; {best}: "
            f"{n_trainable[best]:,}."
        )
    else:
        several = sum(n == n_right[best] for n in n_right.values()) > 1
        reason = (
            f"{best} has the most {part} images right: {n_right[best]} of {n_images}"
            f"{', and of those with as many the lowest loss' if several else ''}. "
            f"{_why_best(n_right, able) if chosen else _why_none(best, tested)}"
        )
    shown = tested[chosen or best]
    return RecommendationFacts(
        variant=chosen,
        best=best,
        reason=reason,
        rule=RULE,
        compared=compared,
        chance=tested,
        above_chance=shown.above_chance,
        p_chance=shown.p_value,
    )


def _with_best(best: str, other: str, pairs: Sequence[PairFacts]) -> ComparedWithBest:
    """Find the comparison of two variants, turned so that the best comes first."""
    pair = next(pair for pair in pairs if {pair.first, pair.second} == {best, other})
    only = {pair.first: pair.n_only_first_right, pair.second: pair.n_only_second_right}
    return ComparedWithBest(
        p_value=pair.p_value,
        p_holm=pair.p_holm,
        n_only_best_right=only[best],
        n_only_this_right=only[other],
    )


def _why_best(n_right: Mapping[str, int], able: Sequence[str]) -> str:
    if len(n_right) == 1:
        return "It is the only variant of this run."
    if len(able) > 1:
        return "Those that cannot be told from it on these images train no fewer parameters."
    return "On these images no other variant that is better than chance equals it."


def _why_none(best: str, tested: Mapping[str, ChanceTest]) -> str:
    p = f"p = {tested[best].p_holm:.3f}"
    if len(tested) == 1:
        return f"It is not better than always naming the larger class ({CHANCE_TEST}, {p})."
    if any(each.above_chance for each in tested.values()):
        return (
            "Neither it nor any that equals it is better than always naming the larger class "
            f"({CHANCE_TEST}, {p} after Holm's correction for {len(tested)} variants)."
        )
    return (
        f"No variant is better than always naming the larger class ({CHANCE_TEST}, {p} for "
        f"{best} after Holm's correction for {len(tested)} variants)."
    )
