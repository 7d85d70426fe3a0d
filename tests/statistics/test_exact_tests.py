from itertools import product

import numpy as np
import pytest
from scipy.stats import betabinom, binom, binomtest

from bench.correlated import draw_right
from cxr_tasks.statistics.exact_tests import chance_test, sign_flip_test
from cxr_tasks.statistics.significance import mcnemar_p


def p_by_enumeration(gains: np.ndarray) -> float:
    """Flip every group's sign in every way."""
    sums = [abs(int(np.dot(signs, gains))) for signs in product((-1, 1), repeat=len(gains))]
    return float(np.mean([each >= abs(int(gains.sum())) for each in sums]))


@pytest.mark.parametrize("n_images", [5, 60, 324])
def test_one_image_a_group_is_mcnemar(n_images: int) -> None:
    first, second = np.random.default_rng(n_images).random((2, n_images)) < 0.7
    n_first, n_second = int(np.sum(first & ~second)), int(np.sum(~first & second))
    exact = min(1.0, 2 * binom.cdf(min(n_first, n_second), n_first + n_second, 0.5))
    found = sign_flip_test(first, second, np.arange(n_images))
    assert found.p_value == mcnemar_p(n_first, n_second)
    assert found.p_value == pytest.approx(exact, rel=1e-12)
    assert found.n_only_first_right == n_first
    assert found.n_only_second_right == n_second
    assert mcnemar_p(0, 0) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_any_size_are_flipped_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=11)
    groups = np.repeat(rng.permutation(11), sizes)
    first, second = draw_right(rng, sizes, 0.8, 0.5), draw_right(rng, sizes, 0.5, 0.5)
    gains = np.bincount(groups, weights=first.astype(float) - second)
    expected = p_by_enumeration(gains[gains != 0])
    assert sign_flip_test(first, second, groups).p_value == pytest.approx(expected, rel=1e-12)


def test_images_of_one_patient_are_one_witness() -> None:
    first, second = np.ones(20, bool), np.zeros(20, bool)
    assert sign_flip_test(first, second, np.zeros(20, np.int64)).p_value == 1.0
    of_two = np.repeat([0, 1], 10)
    assert sign_flip_test(first, second, of_two).p_value == pytest.approx(0.5)


def test_equal_models_differ_by_nothing() -> None:
    right = np.arange(12) < 7
    assert sign_flip_test(right, right, np.arange(12)).p_value == 1.0


def test_order_of_images_and_names_of_groups_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 3)
    first, second = draw_right(rng, np.full(20, 3), 0.9, 0.3), rng.random(60) < 0.6
    order = rng.permutation(60)
    turned = sign_flip_test(first[order], second[order], 1000 - groups[order])
    assert turned == sign_flip_test(first, second, groups)


# Against always naming the larger class.


@pytest.mark.parametrize("n_images", [1, 2, 7, 80, 324])
def test_one_image_a_group_is_the_binomial_test(n_images: int) -> None:
    rng = np.random.default_rng(n_images)
    labels, right = (rng.random(n_images) < 0.3).astype(np.int64), rng.random(n_images) < 0.8
    share = max(labels.mean(), 1 - labels.mean())
    expected = binomtest(int(right.sum()), n_images, share, alternative="greater").pvalue
    found = chance_test(right, labels, np.arange(n_images))
    assert found.p_value == expected
    assert (found.chance, found.correlation) == (share, 0.0)


def test_groups_are_summed_as_their_parts_are() -> None:
    sizes = np.array([1, 1, 2, 3, 3])
    groups, labels = np.repeat(np.arange(5), sizes), np.repeat([0, 1, 0, 1, 0], sizes)
    right = np.array([1, 0, 1, 1, 1, 1, 1, 0, 1, 1], bool)
    found = chance_test(right, labels, groups)
    assert found.chance == 0.6
    alike = 1 / found.correlation - 1
    by_sum = sum(
        np.prod(
            [
                betabinom.pmf(n, size, 0.6 * alike, 0.4 * alike)
                for n, size in zip(counts, sizes, strict=True)
            ]
        )
        for counts in product(*(range(size + 1) for size in sizes))
        if sum(counts) >= right.sum()
    )
    assert found.p_value == pytest.approx(by_sum)


def test_correlation_is_that_of_pairs_with_one_wrong_group_more() -> None:
    right, groups = np.array([1, 1, 1, 0, 0, 0, 1, 1], bool), np.repeat(np.arange(4), 2)
    found = chance_test(right, np.repeat([0, 1], 4), groups)
    # around 0.5 the pairs are +1, -1, +1, +1 quarters, and the added group's is +1
    assert found.correlation == pytest.approx(3 / 5)


def test_many_images_of_few_patients_say_little() -> None:
    labels, groups = np.repeat([0, 1, 0, 1], 25), np.repeat(np.arange(4), 25)
    right = np.ones(100, bool)
    assert chance_test(right, labels, np.arange(100)).p_value < 1e-20
    assert chance_test(right, labels, groups).p_value == pytest.approx(0.5**4, rel=0.01)


def test_two_large_patients_hide_nothing_that_many_single_ones_show() -> None:
    sizes = np.array([1] * 40 + [30, 30])
    labels, groups = np.repeat(np.arange(42) % 2, sizes), np.repeat(np.arange(42), sizes)
    assert chance_test(np.ones(100, bool), labels, groups).p_value < 1e-8
    of_large_only = np.repeat(np.arange(42) >= 40, sizes) | (np.arange(100) % 4 < 2)
    assert chance_test(of_large_only, labels, groups).p_value > 0.05


def test_naming_one_class_is_never_better_than_chance() -> None:
    labels, groups = np.repeat([0, 0, 0, 1, 1], 4), np.repeat(np.arange(5), 4)
    assert chance_test(labels == 0, labels, groups).p_value > 0.4
    assert chance_test(labels == 1, labels, groups).p_value > 0.6
    assert chance_test(np.ones(20, bool), np.zeros(20, np.int64), groups).p_value == 1.0


def test_a_good_model_is_told_from_chance_in_spite_of_its_patients() -> None:
    rng = np.random.default_rng(0)
    sizes, groups = np.full(20, 4), np.repeat(np.arange(20), 4)
    p_values = [
        chance_test(draw_right(rng, sizes, 0.85, 0.3), groups % 2, groups).p_value
        for _ in range(100)
    ]
    assert np.mean(np.array(p_values) < 0.05) > 0.9
