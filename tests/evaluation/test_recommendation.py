import numpy as np
import pytest

from cxr_tasks.evaluation.recommendation import compare, recommend


def right(n_right: int, n: int = 80) -> np.ndarray:
    return np.arange(n) < n_right


def choose(counts: dict[str, int], seconds: dict[str, float]) -> dict[str, object]:
    return recommend(
        {name: right(count) for name, count in counts.items()},
        losses=dict.fromkeys(counts, 0.5),
        train_seconds=seconds,
        chance=0.5,
        basis="val",
    )


def test_mcnemar_is_the_sign_test_on_discordant_images() -> None:
    found = compare(right(80), right(74))
    assert (found["n_only_best_right"], found["n_only_this_right"]) == (6, 0)
    assert found["p_value"] == pytest.approx(2 * 0.5**6)


def test_cheapest_of_the_indistinguishable_is_taken() -> None:
    found = choose({"slow": 77, "fast": 75}, {"slow": 1000.0, "fast": 10.0})
    assert (found["best"], found["variant"]) == ("slow", "fast")
    assert "75 right" in str(found["reason"])


def test_cheap_but_worse_is_not_taken() -> None:
    found = choose({"slow": 77, "fast": 50}, {"slow": 1000.0, "fast": 10.0})
    assert found["variant"] == "slow"


def test_single_variant_is_recommended_as_such() -> None:
    assert "only variant" in str(choose({"fast": 75}, {"fast": 10.0})["reason"])


def test_guessing_is_called_guessing() -> None:
    assert choose({"fast": 75}, {"fast": 10.0})["above_chance"]
    found = choose({"fast": 45}, {"fast": 10.0})
    assert not found["above_chance"]
    assert found["p_chance"] == pytest.approx(0.1569, abs=1e-3)
