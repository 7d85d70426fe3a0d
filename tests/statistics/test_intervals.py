import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from cxr_tasks.statistics.intervals import delong_interval, delong_p, newcombe_interval, wilson


def drawn(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1, 1], n // 3)
    first = labels + rng.normal(0, 1, n)
    return labels, first.round(1), (first + rng.normal(0, 0.7, n)).round(1)


def placements(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare every COVID-19 image with every normal one, as DeLong's paper writes it."""
    covid, normal = scores[labels == 1], scores[labels == 0]
    wins = (covid[:, None] > normal) + 0.5 * (covid[:, None] == normal)
    return wins.mean(axis=1), wins.mean(axis=0)


def test_wilson_is_the_papers() -> None:
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, Table I
    assert wilson(81, 263) == pytest.approx([0.2553, 0.3662], abs=5e-5)
    assert wilson(0, 20) == pytest.approx([0.0, 0.1611], abs=5e-5)
    assert wilson(0, 0) is None


@pytest.mark.parametrize("seed", range(3))
def test_delong_interval_has_the_naive_variance(seed: int) -> None:
    labels, scores, _ = drawn(seed)
    of_covid, of_normal = placements(labels, scores)
    area = roc_auc_score(labels, scores)
    variance = np.var(of_covid, ddof=1) / len(of_covid) + np.var(of_normal, ddof=1) / len(of_normal)
    low, high = delong_interval(labels, scores) or (0, 0)
    width = np.log(high / (1 - high)) - np.log(low / (1 - low))
    assert width == pytest.approx(2 * 1.959964 * np.sqrt(variance) / (area * (1 - area)))
    assert low < area < high


@pytest.mark.parametrize("seed", range(3))
def test_delong_p_is_the_naive_one(seed: int) -> None:
    labels, first, second = drawn(seed)
    one, other = placements(labels, first), placements(labels, second)
    variance = sum(
        np.var(mine - its, ddof=1) / len(mine) for mine, its in zip(one, other, strict=True)
    )
    z = (one[0].mean() - other[0].mean()) / np.sqrt(variance)
    assert delong_p(labels, first, second) == pytest.approx(2 * norm.sf(abs(z)))


def test_what_delong_cannot_say_is_none() -> None:
    labels = np.array([0, 0, 1, 1])
    apart, mixed = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.1, 0.8, 0.2, 0.9])
    assert delong_interval(labels, apart) is None
    assert delong_interval(np.ones(4, np.int64), mixed) is None
    assert delong_p(labels, mixed, mixed) == 1.0
    assert delong_p(np.ones(4, np.int64), mixed, apart) is None


def test_wilson_of_the_study_is_as_published() -> None:
    interval = wilson(77, 81)
    assert interval is not None
    assert [round(100 * end, 1) for end in interval] == [88.0, 98.1]
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("n_covid", "n_normal"), [(5, 5), (8, 30)])
def test_a_lower_area_seldom_shows_as_one(n_covid: int, n_normal: int) -> None:
    low, high = newcombe_interval(1.0, n_covid, n_normal)
    assert high == 1.0
    assert newcombe_interval(0.0, n_covid, n_normal) == pytest.approx([0.0, 1 - low])
    rng = np.random.default_rng(7)
    of_normal = rng.normal(size=(4000, n_normal))
    of_covid = rng.normal(norm.ppf(low) * np.sqrt(2), size=(4000, n_covid))  # their area is `low`
    assert np.mean(of_covid.min(axis=1) > of_normal.max(axis=1)) < 0.025
    assert low < newcombe_interval(1.0, 3 * n_covid, 3 * n_normal)[0]


def test_an_area_between_lies_inside() -> None:
    low, high = newcombe_interval(0.7, 20, 30)
    others, true = 24, np.array([low, high])
    variance = (true * (1 - true) / 600) * (
        1 + others * ((1 - true) / (2 - true) + true / (1 + true))
    )
    assert np.abs(true - 0.7) == pytest.approx(1.959964 * np.sqrt(variance))
    assert 0 < low < 0.7 < high < 1
