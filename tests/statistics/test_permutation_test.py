import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from cxr_tasks.audit.control_tests import divide
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.permutation_test import (
    RIDGE,
    enough_permutations,
    permutation_test,
    permute_groups,
)


def drawn(n: int = 100, *, strength: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return features of which one follows the label, labels, groups of two, and folds."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n) // 2
    labels = np.repeat(rng.permutation(np.tile([0, 1], n // 4)), 2)
    features = rng.normal(0, 1, (n, 12))
    features[:, 3] += strength * labels
    return standardised(features), labels, groups, divide(labels, groups, seed=seed)


def test_scores_are_those_of_a_ridge_fitted_anew_in_each_fold() -> None:
    features, labels, groups, folds = drawn(strength=1.0)
    test = permutation_test(features, labels, groups, folds, seed=0, n_permutations=9)
    for fold in np.unique(folds):
        rest, tested = folds != fold, folds == fold
        ridge = Ridge(alpha=RIDGE).fit(features[rest], 2.0 * labels[rest] - 1)
        centred = ridge.predict(features[tested]) - (2.0 * labels[rest] - 1).mean()
        assert test.scores[tested] == pytest.approx(centred)
    assert test.auc == pytest.approx(roc_auc_score(labels, test.scores))


def test_permuted_labellings_are_refitted_exactly() -> None:
    features, labels, groups, folds = drawn(strength=1.0)
    test = permutation_test(features, labels, groups, folds, seed=7, n_permutations=5)
    permuted = permute_groups(labels, groups, n_permutations=5, seed=7)
    for number in range(5):
        again = permutation_test(
            features, permuted[:, number].astype(np.int64), groups, folds, seed=0, n_permutations=1
        )
        assert test.null_aucs[number] == pytest.approx(again.auc)


def test_permutations_keep_groups_whole_and_the_number_of_groups_a_class() -> None:
    _, labels, groups, _ = drawn(strength=0)
    permuted = permute_groups(labels, groups, n_permutations=30, seed=0)
    assert (permuted[::2] == permuted[1::2]).all()
    assert (permuted.sum(axis=0) == labels.sum()).all()
    assert len(np.unique(permuted, axis=1).T) > 25


def test_feature_that_tells_the_label_is_found() -> None:
    features, labels, groups, folds = drawn(strength=2.0)
    test = permutation_test(features, labels, groups, folds, seed=0)
    assert test.p_value == pytest.approx(0.001)
    assert test.auc > 0.8
    assert test.accuracy > 0.75


def test_p_values_without_a_signal_are_even() -> None:
    p_values = []
    for seed in range(40):
        features, labels, groups, folds = drawn(strength=0, seed=seed)
        p_values.append(
            permutation_test(features, labels, groups, folds, seed=seed, n_permutations=99).p_value
        )
    assert 0.35 < np.mean(p_values) < 0.65
    assert np.mean(np.array(p_values) <= 0.05) < 0.15


def test_groups_that_look_alike_do_not_pass_for_a_signal() -> None:
    # eight images a patient, all alike: images would be independent only in appearance
    false_alarms = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(20), 8)
        labels = np.repeat(rng.permutation(np.tile([0, 1], 10)), 8)
        features = standardised(rng.normal(0, 1, (20, 5))[groups] + rng.normal(0, 0.1, (160, 5)))
        folds = groups % 5 + 1
        test = permutation_test(features, labels, groups, folds, seed=seed, n_permutations=199)
        false_alarms += test.p_value < 0.01
    assert false_alarms <= 2


def test_features_that_say_nothing_score_all_images_alike() -> None:
    labels, groups = np.repeat([0, 1], 30), np.arange(60)
    test = permutation_test(np.full((60, 3), 0.1), labels, groups, groups % 7, seed=0)
    assert len(np.unique(test.scores)) == 1
    assert test.auc == 0.5


def test_one_of_many_tests_has_permutations_enough_to_be_significant() -> None:
    assert [enough_permutations(n) for n in (0, 1, 3, 4, 10)] == [999, 999, 999, 1999, 3999]
    for n_tests in range(1, 30):
        assert 3 * n_tests / (1 + enough_permutations(n_tests)) < 0.01  # two may show as much


def test_more_permutations_are_drawn_only_where_chance_hardly_comes_as_far() -> None:
    labels, groups = np.repeat([0, 1], 30), np.arange(60)
    telling, silent = labels[:, None] - 0.5, np.random.default_rng(3).normal(size=(60, 1))
    for features, n_drawn in ((telling, 3999), (silent, 999)):
        test = permutation_test(features, labels, groups, groups % 5, seed=0, n_permutations=3999)
        assert len(test.null_aucs) == n_drawn
    assert len(np.unique(test.null_aucs)) > 100
