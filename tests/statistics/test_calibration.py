import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from cxr_tasks.statistics.calibration import apply_temperature, fit_temperature, reliability


def drawn(n: int, *, sureness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores whose logits are too large by a factor."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    return labels, 1 / (1 + np.exp(-sureness * logits))


@pytest.mark.parametrize("sureness", [0.5, 1.0, 3.0])
def test_temperature_is_the_factor_by_which_scores_are_too_sure(sureness: float) -> None:
    labels, scores = drawn(20_000, sureness=sureness)
    assert fit_temperature(labels, scores) == pytest.approx(sureness, rel=0.06)


def test_temperature_keeps_the_order_and_one_changes_nothing() -> None:
    _, scores = drawn(200, sureness=2.0)
    assert apply_temperature(scores, 1.0) == pytest.approx(scores)
    scaled = apply_temperature(scores, 2.5)
    assert (np.argsort(scaled) == np.argsort(scores)).all()


def test_few_images_that_scores_separate_do_not_make_them_certain() -> None:
    labels = np.tile([0, 1], 10)
    scores = np.where(labels == 1, 0.8, 0.2)
    scaled = apply_temperature(scores, fit_temperature(labels, scores))
    assert (scaled[labels == 1] > 0.8).all()
    assert (scaled[labels == 1] < 0.99).all()


def test_temperature_is_bounded() -> None:
    labels = np.array([0, 0, 1, 1])
    assert fit_temperature(labels, np.array([0.0, 0.1, 0.9, 1.0])) >= 0.05
    assert fit_temperature(labels, np.array([1.0, 0.9, 0.1, 0.0])) <= 20.0
    assert np.isfinite(fit_temperature(labels, np.full(4, 0.5)))


def test_perfect_probabilities_have_the_error_that_is_expected_of_them() -> None:
    labels, scores = drawn(300, sureness=1.0)
    facts = reliability(labels, scores, seed=1)
    low, high = facts.ece_if_calibrated.interval
    assert low < facts.ece < high
    assert facts.p_calibrated > 0.05
    assert facts.brier == pytest.approx(brier_score_loss(labels, scores))


def test_too_sure_scores_are_found_out() -> None:
    labels, scores = drawn(300, sureness=4.0)
    facts = reliability(labels, scores, seed=1)
    assert facts.ece > facts.ece_if_calibrated.interval[1]
    assert facts.p_calibrated < 0.01


def test_bins_hold_about_equally_many_images_and_all_of_them() -> None:
    labels, scores = drawn(324, sureness=1.0)
    counts = [each.n for each in reliability(labels, scores, seed=0).bins]
    assert sum(counts) == 324
    assert len(counts) == 10
    assert max(counts) - min(counts) <= 1


def test_error_is_the_mean_gap_between_said_and_seen() -> None:
    labels = np.array([1] * 15 + [0] * 15)
    scores = np.array([0.9] * 15 + [0.2] * 15)
    facts = reliability(labels, scores, seed=0)
    assert facts.ece == pytest.approx((0.1 + 0.2) / 2)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_few_images_and_equal_scores_make_one_bin(n: int) -> None:
    facts = reliability(np.ones(n, np.int64), np.full(n, 0.7), seed=0)
    assert [each.n for each in facts.bins] == [n]
