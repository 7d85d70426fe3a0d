import numpy as np

from bench.learning_curve import area, compare
from bench.phantom_pool import Pool
from cxr_tasks.statistics.feature_maps import standardised


def drawn_pool(*, strength: float) -> Pool:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), 2)
    labels = groups % 2
    signal = strength * labels[:, None] * (np.arange(40) < 5)
    features = standardised(rng.normal(0, 1, (800, 40)) + signal)
    return Pool(features, features @ features.T, labels, groups)


def test_a_set_has_whole_patients_of_both_classes_and_none_that_is_left_out() -> None:
    pool = drawn_pool(strength=1.0)
    rows = pool.take(100, np.random.default_rng(1))
    assert len(set(rows.tolist())) == 100
    assert pool.labels[rows].sum() == 50
    assert (np.unique(pool.groups[rows], return_counts=True)[1] == 2).all()
    others = pool.take(300, np.random.default_rng(2), without=rows)
    assert not np.isin(pool.groups[others], pool.groups[rows]).any()


def test_what_is_expected_is_compared_with_what_more_images_give() -> None:
    pool = drawn_pool(strength=0.6)
    found = compare(pool, n_sets=2)
    rows = pool.take(300, np.random.default_rng(3))
    rest = np.setdiff1d(np.arange(800), rows)
    assert abs(area(pool, rows, rest) - found["true_auc"]) < 0.05
    assert abs(found["expected"]["bias"]) < 0.1
    assert 0 <= found["expected"]["near"] <= 1
    assert found["expected"]["mean_width"] > 0
