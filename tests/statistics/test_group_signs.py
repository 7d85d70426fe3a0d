from itertools import product

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from bench.correlated import draw_right
from cxr_tasks.statistics.group_signs import group_signs
from cxr_tasks.statistics.significance import mcnemar_p


def p_by_enumeration(gains: np.ndarray) -> float:
    """Flip every group's sign in every way."""
    sums = [abs(int(np.dot(signs, gains))) for signs in product((-1, 1), repeat=len(gains))]
    return float(np.mean([each >= abs(int(gains.sum())) for each in sums]))


@pytest.mark.parametrize("n_images", [5, 60, 324])
def test_one_image_a_group_is_mcnemar(n_images: int) -> None:
    first, second = np.random.default_rng(n_images).random((2, n_images)) < 0.7
    table = [
        [np.sum(first & second), np.sum(first & ~second)],
        [np.sum(~first & second), np.sum(~first & ~second)],
    ]
    found = group_signs(first, second, np.arange(n_images))
    assert found["p_value"] == mcnemar_p(table[0][1], table[1][0])
    assert found["p_value"] == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-12)
    assert found["n_only_first_right"] == table[0][1]
    assert found["n_only_second_right"] == table[1][0]


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_any_size_are_flipped_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=11)
    groups = np.repeat(rng.permutation(11), sizes)
    first, second = draw_right(rng, sizes, 0.8, 0.5), draw_right(rng, sizes, 0.5, 0.5)
    gains = np.bincount(groups, weights=first.astype(float) - second)
    expected = p_by_enumeration(gains[gains != 0])
    assert group_signs(first, second, groups)["p_value"] == pytest.approx(expected, rel=1e-12)


def test_images_of_one_patient_are_one_witness() -> None:
    first, second = np.ones(20, bool), np.zeros(20, bool)
    assert group_signs(first, second, np.zeros(20, np.int64))["p_value"] == 1.0
    of_two = np.repeat([0, 1], 10)
    assert group_signs(first, second, of_two)["p_value"] == pytest.approx(0.5)


def test_equal_models_differ_by_nothing() -> None:
    right = np.arange(12) < 7
    assert group_signs(right, right, np.arange(12))["p_value"] == 1.0


def test_order_of_images_and_names_of_groups_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 3)
    first, second = draw_right(rng, np.full(20, 3), 0.9, 0.3), rng.random(60) < 0.6
    order = rng.permutation(60)
    turned = group_signs(first[order], second[order], 1000 - groups[order])
    assert turned == group_signs(first, second, groups)
