import numpy as np
import pytest

from cxr_tasks.statistics.learning_curve import MIN_GROUPS, expect, fit_law, learning_curve
from cxr_tasks.statistics.learning_curve_points import N_DRAWS, Curve, Images, measure_curve
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.statistics.permutation_test import RIDGE
from cxr_tasks.statistics.scores import FloatArray, IntArray

N_FEATURES = 40


def drawn(
    n_groups: int, *, strength: float, seed: int = 0
) -> tuple[FloatArray, IntArray, IntArray]:
    """Draw groups of two images, which of each class differ in a tenth of the features."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), 2)
    labels = groups % 2
    means = np.zeros(N_FEATURES)
    means[:4] = strength
    person = np.repeat(rng.normal(0, 0.5, (n_groups, N_FEATURES)), 2, axis=0)
    features = rng.normal(0, 1, (2 * n_groups, N_FEATURES)) + labels[:, None] * means + person
    return (features - features.mean(axis=0)) / np.sqrt(N_FEATURES), labels, groups


def curve_of(n_groups: int, *, strength: float, seed: int = 0) -> LearningCurveFacts:
    return learning_curve(*drawn(n_groups, strength=strength, seed=seed), seed=seed)


def test_more_images_are_expected_to_help_and_do() -> None:
    facts = curve_of(60, strength=1.0)
    areas = [point.auc for point in facts.points]
    assert areas == sorted(areas)
    now, twice, four = facts.expected
    assert facts.reason is None
    assert areas[-1] < now.auc < twice.auc < four.auc < 1
    assert (now.n_images, twice.n_images, four.n_images) == (120, 240, 480)
    more = curve_of(120, strength=1.0, seed=5).points[-1].auc
    assert twice.interval[0] < more < twice.interval[1]


def test_features_without_a_signal_promise_nothing() -> None:
    facts = curve_of(60, strength=0.0)
    assert facts.expected == []
    assert facts.reason is not None
    assert "not told from chance" in facts.reason


def test_too_few_groups_promise_nothing() -> None:
    facts = curve_of(2 * MIN_GROUPS - 2, strength=2.0)
    assert (facts.expected, facts.points) == ([], [])
    assert f"{MIN_GROUPS - 1} patients" in str(facts.reason)
    assert curve_of(2 * MIN_GROUPS, strength=2.0).points


def test_features_that_part_the_classes_promise_nothing() -> None:
    facts = curve_of(40, strength=9.0)
    assert facts.expected == []
    assert "apart already" in str(facts.reason)


def test_a_seed_gives_the_same_curve() -> None:
    assert curve_of(40, strength=1.0) == curve_of(40, strength=1.0)


def test_a_patient_who_is_known_in_training_is_never_tested() -> None:
    """Features that name the patient alone, and labels at random: only a leak could be above 0.5.

    In groups of four, three of whose images would tell the fourth's label.
    """
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 4)
    labels = rng.permutation(np.repeat([0, 1], 20))[groups]
    features = np.eye(40)[groups] + rng.normal(0, 0.01, (160, 40))
    facts = learning_curve(features - features.mean(axis=0), labels, groups, seed=0)
    assert all(point.auc < 0.65 for point in facts.points)
    assert facts.expected == []


def test_growing_one_factor_is_the_ridge_that_centres_on_its_training() -> None:
    features, labels, groups = drawn(30, strength=1.0)
    curve, _ = measure_curve(
        Images(features @ features.T, labels, groups), np.random.default_rng(0)
    )
    by_hand = []
    keys = np.random.default_rng(0).random((N_DRAWS, 30))
    for key in keys:
        places = np.empty(30)
        for label in (0, 1):
            mine = np.arange(30) % 2 == label
            places[mine] = (np.argsort(np.argsort(key[mine])) + 0.5) / mine.sum()
        trained = (places < 0.8)[groups]
        centre = features[trained].mean(axis=0)
        fitted, signs = features[trained] - centre, 2.0 * labels[trained] - 1
        solved = np.linalg.solve(
            fitted.T @ fitted + RIDGE * np.eye(N_FEATURES), fitted.T @ (signs - signs.mean())
        )
        scores = (features[~trained] - centre) @ solved
        positive, negative = scores[labels[~trained] == 1], scores[labels[~trained] == 0]
        by_hand.append((positive[:, None] > negative[None, :]).mean())
    assert 1 - curve.errors[-1] == pytest.approx(np.mean(by_hand))


def test_where_the_curve_says_much_its_own_power_counts_and_else_the_usual() -> None:
    sizes = np.geomspace(100, 400, 6)
    curve = Curve(sizes, 2 * sizes**-0.9)
    rng = np.random.default_rng(0)
    noisy = [Curve(sizes, curve.errors * np.exp(rng.normal(0, 0.2, 6))) for _ in range(20)]
    assert fit_law(curve, [curve] * 20).power == pytest.approx(0.5 + 0.4 * 0.04 / 0.0625)
    assert 0.5 < fit_law(curve, noisy).power < 0.65
    flat = fit_law(Curve(sizes, np.full(6, 0.1)), [curve] * 20)
    assert flat.power >= 0
    assert expect(flat, 4, 500).auc >= 0.9
