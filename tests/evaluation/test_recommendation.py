from typing import Any

import pytest

from cxr_tasks.evaluation.recommendation import recommend

N_IMAGES = 80


def choose(
    counts: dict[str, int], seconds: dict[str, float], p_holm: float = 0.5
) -> dict[str, Any]:
    """Choose where what the worse of two has right, the better has right as well."""
    names = list(counts)
    pairs = [
        {
            "first": first, "second": second, "p_value": p_holm / 2, "p_holm": p_holm,
            "n_only_first_right": max(0, counts[first] - counts[second]),
            "n_only_second_right": max(0, counts[second] - counts[first]),
        }
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    ]  # fmt: skip
    return recommend(
        counts,
        n_images=N_IMAGES,
        pairs=pairs,
        losses=dict.fromkeys(counts, 0.5),
        train_seconds=seconds,
        chance=0.5,
        basis="val",
    )


def test_cheapest_of_the_indistinguishable_is_taken() -> None:
    found = choose({"slow": 77, "fast": 75}, {"slow": 1000.0, "fast": 10.0})
    assert (found["best"], found["variant"]) == ("slow", "fast")
    assert "75 right" in str(found["reason"])


def test_cheap_but_worse_is_not_taken() -> None:
    found = choose({"slow": 77, "fast": 50}, {"slow": 1000.0, "fast": 10.0}, p_holm=0.01)
    assert found["variant"] == "slow"


def test_comparison_is_told_from_the_best_ones_side() -> None:
    found = choose({"worse": 70, "best": 76}, {"worse": 1.0, "best": 2.0})
    assert found["compared"]["worse"]["n_only_best_right"] == 6
    assert found["compared"]["worse"]["n_only_this_right"] == 0


def test_single_variant_is_recommended_as_such() -> None:
    assert "only variant" in str(choose({"fast": 75}, {"fast": 10.0})["reason"])


def test_guessing_is_called_guessing() -> None:
    assert choose({"fast": 75}, {"fast": 10.0})["above_chance"]
    found = choose({"fast": 45}, {"fast": 10.0})
    assert not found["above_chance"]
    assert found["p_chance"] == pytest.approx(0.1569, abs=1e-3)
