from collections.abc import Mapping

import pytest

from cxr_tasks.evaluation.comparison_record import RecommendationFacts
from cxr_tasks.evaluation.recommendation import recommend
from cxr_tasks.statistics.figures_record import AgainstChance, PairFacts
from cxr_tasks.wording import recommended
from tests.made_facts import filled

N_IMAGES = 80
LARGE, SMALL = 1_216_577, 164_097


def choose(
    counts: dict[str, int],
    n_trainable: dict[str, int],
    *,
    p_holm: float = 0.5,
    p_chance: Mapping[str, float] | None = None,
    losses: dict[str, float] | None = None,
) -> RecommendationFacts:
    """Choose where what the worse of two has right, the better has right as well."""
    names = list(counts)
    pairs = [
        filled(
            PairFacts,
            first=first,
            second=second,
            p_value=p_holm / 2,
            p_holm=p_holm,
            n_only_first_right=max(0, counts[first] - counts[second]),
            n_only_second_right=max(0, counts[second] - counts[first]),
        )
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    ]
    return recommend(
        counts,
        n_images=N_IMAGES,
        pairs=pairs,
        losses=losses or dict.fromkeys(counts, 0.5),
        n_trainable=n_trainable,
        chances={
            name: AgainstChance(
                chance=0.5, correlation=0.1, p_value=(p_chance or {}).get(name, 1e-9)
            )
            for name in counts
        },
        basis="val",
    )


def test_smallest_of_the_indistinguishable_is_taken() -> None:
    found = choose({"large": 77, "small": 75}, {"large": LARGE, "small": SMALL})
    assert (found.best, found.variant) == ("large", "small")
    assert found.reason == (
        "small has 75 of 80 validation images right, the best, large, 77. These images do not tell "
        "the two apart (exact sign-flip test over groups, p = 0.50 after Holm's correction), which "
        "does not make them equal; small trains the fewest parameters: 164,097; large: 1,216,577."
    )


def test_small_but_worse_is_not_taken() -> None:
    found = choose({"large": 77, "small": 50}, {"large": LARGE, "small": SMALL}, p_holm=0.01)
    assert found.variant == "large"
    assert "no other variant that is better than chance equals it" in found.reason


def test_best_that_is_also_the_smallest_is_taken_as_such() -> None:
    found = choose({"large": 75, "small": 77}, {"large": LARGE, "small": SMALL})
    assert found.variant == "small"
    assert "train no fewer parameters" in found.reason


def test_ties_go_by_loss_and_then_by_the_order_of_variants() -> None:
    sizes = {"one": SMALL, "two": SMALL}
    found = choose({"one": 70, "two": 70}, sizes, losses={"one": 0.5, "two": 0.4})
    assert (found.best, found.variant) == ("two", "one")
    assert "one has 70 of 80 validation images right" in found.reason
    assert "the best, two, 70." in found.reason
    found = choose({"one": 70, "two": 70}, sizes)
    assert (found.best, found.variant) == ("one", "one")
    assert "70 of 80, and of those with as many the lowest loss. Those" in found.reason


def test_comparison_is_told_from_the_best_ones_side() -> None:
    found = choose({"worse": 70, "best": 76}, {"worse": SMALL, "best": LARGE})
    assert found.compared["worse"].n_only_best_right == 6
    assert found.compared["worse"].n_only_this_right == 0


def test_single_variant_is_recommended_as_such() -> None:
    found = choose({"only": 75}, {"only": SMALL})
    assert found.variant == "only"
    assert "only variant" in found.reason


def test_where_nothing_is_better_than_chance_nothing_is_recommended() -> None:
    found = choose(
        {"large": 46, "small": 45},
        {"large": LARGE, "small": SMALL},
        p_chance={"large": 0.11, "small": 0.157},
    )
    assert (found.variant, found.best, found.above_chance) == (None, "large", False)
    assert found.p_chance == 0.11
    assert found.reason.endswith(
        "46 of 80. No variant is better than always naming the larger class (beta-binomial test "
        "over groups, p = 0.220 for large after Holm's correction for 2 variants)."
    )
    alone = choose({"only": 45}, {"only": SMALL}, p_chance={"only": 0.157})
    assert alone.variant is None
    assert "It is not better than always naming the larger class" in alone.reason


def test_variants_are_several_chances_to_look_better_than_chance() -> None:
    names, p_chance = "abcd", 0.02
    one = choose({"a": 50}, {"a": SMALL}, p_chance={"a": p_chance})
    assert one.variant == "a"
    four = choose(
        dict.fromkeys(names, 50),
        dict.fromkeys(names, SMALL),
        p_chance=dict.fromkeys(names, p_chance),
    )
    assert four.variant is None
    assert four.chance["a"].p_holm == pytest.approx(4 * p_chance)


def test_variant_at_chance_is_not_taken_though_it_cannot_be_told_from_the_best() -> None:
    sizes = {"large": LARGE, "small": SMALL}
    found = choose({"large": 56, "small": 47}, sizes, p_chance={"large": 0.001, "small": 0.07})
    assert found.variant == "large"
    assert not found.chance["small"].above_chance


def test_nothing_is_recommended_that_is_worse_than_a_best_at_chance() -> None:
    sizes, p_chance = {"large": LARGE, "small": SMALL}, {"large": 0.3, "small": 0.001}
    assert choose({"large": 56, "small": 54}, sizes, p_chance=p_chance).variant == "small"
    found = choose({"large": 70, "small": 54}, sizes, p_chance=p_chance, p_holm=0.001)
    assert found.variant is None
    assert "Neither it nor any that equals it" in found.reason


def test_recommendation_has_one_wording_and_the_best_stands_in_for_none() -> None:
    assert recommended(None) == "Recommended: none"
    assert recommended("vanilla_cnn") == "Recommended: vanilla_cnn"
    assert filled(RecommendationFacts, variant=None, best="a").shown == "a"
    assert filled(RecommendationFacts, variant="b", best="a").shown == "b"
