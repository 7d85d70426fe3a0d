"""Against examples worked out by hand."""

import numpy as np
import pytest

from cxr_tasks.statistics.confident_learning import rank_labels


def test_an_example_worked_out_by_hand() -> None:
    """Of COVID-19 the mean self-confidence is (0.9 + 0.8 + 0.1) / 3 = 0.6, of normal 0.7.

    The third image is COVID-19 by its label and normal with 0.9, which reaches 0.7: suspect. The
    sixth is normal and COVID-19 with 0.55, the larger, but below 0.6: not confident.
    """
    labels = np.array([1, 1, 1, 0, 0, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.1, 0.2, 0.15, 0.55, 0.3])
    found = rank_labels(labels, probabilities)
    assert found.thresholds == pytest.approx((0.7, 0.6))
    assert found.margins == pytest.approx([0.8, 0.6, -0.8, 0.6, 0.7, -0.1, 0.4])
    assert found.are_suspect.tolist() == [False, False, True, False, False, False, False]
    assert found.ranks.tolist() == [7, 4, 1, 5, 6, 2, 3]


def test_the_other_class_has_to_be_the_larger_too() -> None:
    """A model that is never sure has thresholds of 0.4: 0.45 reaches that and is the smaller."""
    labels = np.array([1, 1, 0, 0])
    probabilities = np.array([0.25, 0.55, 0.6, 0.6])
    found = rank_labels(labels, probabilities)
    assert found.thresholds == pytest.approx((0.4, 0.4))
    assert found.are_suspect.tolist() == [True, False, True, True]


def test_a_threshold_is_reached_by_its_very_value() -> None:
    labels = np.array([1, 1, 0, 0])
    probabilities = np.array([1.0, 0.25, 0.25, 0.25])
    assert rank_labels(labels, probabilities).are_suspect.tolist() == [False, True, False, False]


def test_equal_margins_keep_the_order_of_the_images() -> None:
    found = rank_labels(np.array([1, 0, 1, 0]), np.array([0.5, 0.5, 0.5, 0.5]))
    assert found.ranks.tolist() == [1, 2, 3, 4]
    assert not found.are_suspect.any()


def test_both_classes_are_treated_alike() -> None:
    rng = np.random.default_rng(1)
    labels, probabilities = rng.integers(0, 2, 200), rng.random(200)
    found, swapped = rank_labels(labels, probabilities), rank_labels(1 - labels, 1 - probabilities)
    assert found.thresholds == pytest.approx(swapped.thresholds[::-1])
    assert np.array_equal(found.are_suspect, swapped.are_suspect)


def test_the_threshold_is_that_of_the_other_class() -> None:
    """Normal images are confident from 0.9 on, COVID-19 ones from two thirds: 0.7 is too little."""
    labels = np.array([1, 1, 1, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.3, 0.1, 0.1])
    assert not rank_labels(labels, probabilities).are_suspect.any()
