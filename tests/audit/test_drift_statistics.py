"""The statistics of drift: distributions, shares, features; patients count once."""

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from cxr_tasks.audit.drift_statistics import Sides, distribution_shift, feature_shift, share_shift


def sides_of(n: int = 200, *, n_views: int = 1, seed: int = 0) -> Sides:
    units = np.arange(n) // n_views
    sides = np.random.default_rng(seed).permutation(np.arange(units.max() + 1) % 2)[units]
    return Sides(sides.astype(np.int64), units.astype(np.int64), seed=seed, n_permutations=499)


def test_gap_between_distributions_is_the_kolmogorov_smirnov_statistic() -> None:
    sides = sides_of()
    values = np.random.default_rng(1).integers(0, 12, 200) + 4.0 * sides.sides
    shift = distribution_shift(values, sides)
    expected = ks_2samp(values[sides.sides == 1], values[sides.sides == 0]).statistic
    assert shift.effect == pytest.approx(expected)
    assert shift.p_value < 0.01
    assert distribution_shift(np.ones(200), sides).p_value == 1


def test_shares_differ_by_their_difference() -> None:
    sides = sides_of()
    positive = np.where(sides.sides == 1, np.arange(200) % 5 > 0, np.arange(200) % 2).astype(int)
    shift = share_shift(positive, sides)
    expected = abs(positive[sides.sides == 1].mean() - positive[sides.sides == 0].mean())
    assert shift.effect == pytest.approx(expected)
    assert shift.p_value < 0.01


def test_images_of_one_patient_do_not_pass_for_many() -> None:
    # eight images a patient, all alike: a test that took them as independent would cry wolf
    false_alarms = np.zeros(3)
    for seed in range(25):
        sides = sides_of(160, n_views=8, seed=seed)
        looks = np.random.default_rng(seed).normal(0, 1, (20, 4))[sides.units]
        shifts = (
            distribution_shift(looks[:, 0], sides),
            share_shift((looks[:, 1] > 0).astype(np.int64), sides),
            feature_shift(looks, sides, sides.units),
        )
        false_alarms += [shift.p_value < 0.01 for shift in shifts]
    assert (false_alarms <= 2).all()


def test_features_that_moved_are_told_apart() -> None:
    sides = sides_of(200, n_views=2)
    features = np.random.default_rng(0).normal(0, 1, (200, 30))
    assert feature_shift(features, sides, sides.units).p_value > 0.01
    features[:, 4] += 1.5 * sides.sides
    shift = feature_shift(features, sides, sides.units)
    assert 0.7 < shift.effect <= roc_auc_score(sides.sides, features[:, 4]) + 0.05
    assert shift.p_value < 0.01


def test_patient_on_both_sides_is_not_learned_by_heart() -> None:
    # each new image looks as an old one of the same patient does: nothing has moved
    n = 120
    sides = Sides(np.repeat([0, 1], n), np.arange(2 * n), seed=0, n_permutations=9)
    of_patient = np.random.default_rng(0).normal(0, 1, (n, 200))
    groups = np.tile(np.arange(n), 2)
    apart = feature_shift(np.tile(of_patient, (2, 1)), sides, sides.units).effect
    together = feature_shift(np.tile(of_patient, (2, 1)), sides, groups).effect
    assert apart < 0.1  # the ridge takes each new image for the old one that it has seen
    assert together == pytest.approx(0.5, abs=0.06)
