import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from cxr_tasks.statistics.intervals import newcombe_interval
from cxr_tasks.statistics.resampling import (
    auc_of,
    average_precision_of,
    confusion_of,
    estimate_auc,
    group_resamples,
    mean_of,
    percentile_interval,
    resampled,
)


def drawn(n: int = 90, *, decimals: int = 1, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return labels, scores with ties, and groups of one class each."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n // 2, size=n)
    labels = (groups % 2).astype(np.int64)
    scores = np.clip(0.3 * labels + rng.normal(0.4, 0.25, n), 0, 1).round(decimals)
    return labels, scores, groups


def interval_of_auc(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray
) -> list[float] | None:
    resamples = group_resamples(labels, groups, n_resamples=100, seed=0)
    interval: list[float] | None = estimate_auc(labels, scores, resamples).interval
    return interval


def test_weighted_figures_are_scikit_learns() -> None:
    labels, scores, groups = drawn()
    weights = next(group_resamples(labels, groups, n_resamples=20, seed=1).blocks())
    predictions = (scores >= 0.5).astype(np.int64)
    areas, precisions = (
        auc_of(labels, scores)(weights),
        average_precision_of(labels, scores)(weights),
    )
    counts = confusion_of(labels, predictions)(weights)
    for row, weight in enumerate(weights):
        assert areas[row] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weight))
        assert precisions[row] == pytest.approx(
            average_precision_score(labels, scores, sample_weight=weight)
        )
        expected = confusion_matrix(labels, predictions, sample_weight=weight)
        assert counts[row] == pytest.approx(expected[[1, 0, 1, 0], [1, 1, 0, 0]])


def test_groups_are_drawn_whole_and_classes_keep_their_number_of_groups() -> None:
    labels, _, groups = drawn()
    for weights in group_resamples(labels, groups, n_resamples=50, seed=2).blocks():
        for group in np.unique(groups):
            assert (weights[:, groups == group] == weights[:, groups == group][:, :1]).all()
        firsts = np.unique(groups, return_index=True)[1]
        for label in (0, 1):
            of_class = firsts[labels[firsts] == label]
            assert (weights[:, of_class].sum(axis=1) == len(of_class)).all()


def test_resamples_are_the_same_whenever_read_and_memory_is_bounded() -> None:
    labels = np.tile([0, 1], 10_000)
    resamples = group_resamples(labels, np.arange(20_000), n_resamples=120, seed=3)
    blocks = [weights.shape for weights in resamples.blocks()]
    assert sum(rows for rows, _ in blocks) == 120
    assert max(rows * images for rows, images in blocks) <= 2_000_000
    mean = mean_of(np.arange(20_000.0))
    assert (resampled(resamples, mean) == resampled(resamples, mean)).all()


def test_copies_of_images_do_not_narrow_the_interval() -> None:
    labels, scores, _ = drawn(decimals=6)
    places = np.arange(len(labels))
    widths = []
    for copies in (1, 4):
        resamples = group_resamples(
            np.repeat(labels, copies), np.repeat(places, copies), n_resamples=500, seed=0
        )
        area = auc_of(np.repeat(labels, copies), np.repeat(scores, copies))
        low, high = percentile_interval(resampled(resamples, area)) or (0, 0)
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # the area of two normals one standard deviation apart
    truth, n_covered, n_trials = 0.7602, 0, 200
    for trial in range(n_trials):
        rng = np.random.default_rng(trial)
        labels = np.tile([0, 1], 60)
        scores = labels + rng.normal(0, 1, 120)
        resamples = group_resamples(labels, np.arange(120), n_resamples=200, seed=trial)
        low, high = percentile_interval(resampled(resamples, auc_of(labels, scores))) or (1, 0)
        n_covered += low <= truth <= high
    assert 0.89 <= n_covered / n_trials <= 0.99


def test_undefined_resamples_are_left_out_and_nothing_is_said_of_too_few() -> None:
    assert percentile_interval(np.array([np.nan, 1.0, 1.0, 1.0])) == [1.0, 1.0]
    assert percentile_interval(np.array([np.nan, np.nan, np.nan, 1.0])) is None
    one_class = np.ones(5, np.int64)
    resamples = group_resamples(one_class, np.arange(5), n_resamples=10, seed=0)
    assert np.isnan(resampled(resamples, auc_of(one_class, np.arange(5.0)))).all()


def test_interval_of_parted_classes_is_as_sure_as_its_groups_are_many() -> None:
    labels = np.repeat([0, 1], 12)
    alone, pairs = np.arange(24), np.arange(24) // 2
    of_images, of_pairs = (
        interval_of_auc(labels, labels * 0.5, groups) for groups in (alone, pairs)
    )
    assert of_images == newcombe_interval(1.0, 12, 12)
    assert of_pairs == newcombe_interval(1.0, 6, 6)
    mixed = np.concatenate([np.zeros(6, np.int64), np.arange(18)])  # a patient has both classes
    assert interval_of_auc(labels, labels * 0.5, mixed) == newcombe_interval(1.0, 12, 6)
    between = np.where(np.arange(24) == 0, 0.5, labels * 0.5)  # one normal image ties with COVID-19
    low, high = interval_of_auc(labels, between, labels) or (1, 1)  # of two patients
    assert low < 0.5 < 0.95 < high
    one_patient = np.zeros(24, np.int64)
    assert interval_of_auc(labels, labels * 0.5, one_patient) == newcombe_interval(1.0, 1, 1)
    assert interval_of_auc(np.ones(24, np.int64), labels * 0.5, one_patient) is None


def test_interval_of_an_area_between_is_the_bootstraps() -> None:
    labels, scores, groups = drawn()
    resamples = group_resamples(labels, groups, n_resamples=200, seed=4)
    drawn_areas = resampled(resamples, auc_of(labels, scores))
    found = estimate_auc(labels, scores, resamples)
    assert found.interval == percentile_interval(drawn_areas)
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
