import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_tasks.statistics.figures_record import PairFacts
from cxr_tasks.statistics.resampling import group_resamples
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.statistics.significance import compare_pairs, holm

TITLES = {"a": "Model A", "b": "Model B", "c": "Model C"}


def scored(n_right: int, n: int = 80, *, seed: int = 0, group_size: int = 1) -> ScoredImages:
    """Return a variant that has the first images right."""
    labels = np.tile([0, 1], n // 2)
    sureness = np.random.default_rng(seed).uniform(0.1, 0.4, n)
    right = np.arange(n) < n_right
    scores = 0.5 + np.where(right == (labels == 1), sureness, -sureness)
    return ScoredImages(labels, scores, np.arange(n) // group_size)


def compared(*n_right: int, group_size: int = 1) -> list[PairFacts]:
    variants = {
        name: scored(n, seed=n, group_size=group_size)
        for name, n in zip("abc", n_right, strict=False)
    }
    first = variants["a"]
    resamples = group_resamples(first.labels, first.groups, n_resamples=500, seed=0)
    return compare_pairs(variants, resamples, titles=TITLES)


def test_holm_is_r_p_adjust() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.3]) == [0.3]


def test_holm_of_equal_values_is_equal_and_never_falls_with_the_value() -> None:
    assert holm([0.02, 0.02, 0.5]) == [0.06, 0.06, 0.5]
    assert holm([0.01, 0.014, 0.015]) == [0.03, 0.03, 0.03]  # twice 0.014, and 0.015, are less
    values = np.random.default_rng(0).uniform(0, 0.2, 30).round(2)
    corrected = np.array(holm(values.tolist()))
    assert (np.diff(corrected[np.argsort(values)]) >= 0).all()
    assert (corrected >= values).all()
    assert all(len(set(corrected[values == value])) == 1 for value in values)


def test_every_two_variants_are_compared_once() -> None:
    assert [(pair.first, pair.second) for pair in compared(70, 60, 50)] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]


def test_small_difference_is_not_distinguishable_and_the_sentence_says_so() -> None:
    [pair] = compared(77, 79)
    assert not pair.distinguishable
    assert pair.sentence == (
        "Model B is not distinguishable from Model A on 80 images (79 against 77 right; exact "
        "sign-flip test over groups, p = 0.500 after Holm's correction)."
    )


def test_large_difference_is_told_from_chance() -> None:
    [pair] = compared(78, 50)
    assert pair.distinguishable
    assert "Model A has more right than Model B" in pair.sentence
    low, high = pair.accuracy_difference.interval or (0, 0)
    assert 0 < low < 28 / 80 < high


def test_groups_decide_and_images_taken_as_independent_do_not() -> None:
    [pair] = compared(72, 60, group_size=4)
    assert (pair.n_groups, pair.n_only_first_right) == (20, 12)
    # three patients of four images each
    assert pair.p_value == pair.p_holm == 2 * 0.5**3
    assert pair.p_mcnemar == pytest.approx(2 * 0.5**12)
    assert not pair.distinguishable
    assert "is not distinguishable from" in pair.sentence


def test_auc_difference_is_paired() -> None:
    [pair] = compared(78, 60)
    first, second = scored(78, seed=78), scored(60, seed=60)
    expected = roc_auc_score(first.labels, first.scores) - roc_auc_score(
        second.labels, second.scores
    )
    difference = pair.auc_difference
    assert difference.value == pytest.approx(expected)
    [same] = compared(70, 70)
    assert same.auc_difference.value == 0
    assert same.auc_difference.interval == [0.0, 0.0]
