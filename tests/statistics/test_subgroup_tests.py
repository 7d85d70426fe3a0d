import numpy as np

from cxr_tasks.statistics.subgroup_tests import auc_test, mean_test

N_GROUPS = 60
GROUPS = np.repeat(np.arange(N_GROUPS), 2)
CODES = (GROUPS % 2).astype(np.int64)


def test_a_rate_that_differs_is_found_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    equal = (rng.random(2 * N_GROUPS) < 0.8).astype(float)
    worse = (rng.random(2 * N_GROUPS) < np.where(CODES == 1, 0.5, 0.95)).astype(float)
    assert mean_test(worse, CODES, GROUPS, seed=0) < 0.001
    assert mean_test(equal, CODES, GROUPS, seed=0) > 0.1


def test_images_of_a_patient_are_no_evidence_of_their_own() -> None:
    """Five patients a side, ten like images each: a difference of one patient says little."""
    groups = np.repeat(np.arange(10), 10)
    codes = (groups >= 5).astype(np.int64)
    right = np.isin(groups, [0, 1, 2, 3, 4, 5, 6, 7, 8]).astype(float)
    assert mean_test(right, codes, groups, seed=0) > 0.9
    by_image = np.arange(100)
    assert mean_test(right, codes, by_image, seed=0) < 0.01


def test_a_subgroup_without_errors_is_not_certain() -> None:
    right = np.ones(2 * N_GROUPS)
    assert mean_test(right, CODES, GROUPS, seed=0) == 1
    right[0] = 0
    assert mean_test(right, CODES, GROUPS, seed=0) > 0.5


def test_a_small_subgroup_does_not_hide_what_differs_between_the_others() -> None:
    """Dealt out anew, four patients often have no error, and must not count as certain then."""
    codes = np.repeat([0, 1, 2], [40, 40, 4])
    right = np.ones(84)
    right[[*range(3), *range(40, 60), 80, 81]] = 0
    assert mean_test(right, codes, np.arange(84), seed=0) < 0.01


def test_an_auc_that_differs_is_found_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(1)
    labels = (GROUPS // 2 % 2).astype(np.int64)
    noise = rng.normal(0, 1, len(labels))
    assert auc_test(labels, 2 * labels + noise, CODES, GROUPS, seed=0) > 0.1
    told = np.where(CODES == 1, 0.0, 2.5) * labels + noise
    assert auc_test(labels, told, CODES, GROUPS, seed=0) < 0.01


def test_a_seed_gives_the_same_p() -> None:
    values = np.random.default_rng(2).random(2 * N_GROUPS)
    first, second, other = (mean_test(values, CODES, GROUPS, seed=seed) for seed in (3, 3, 4))
    assert first == second != other
