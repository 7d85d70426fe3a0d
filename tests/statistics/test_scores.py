import numpy as np
import pytest

from cxr_tasks.errors import DataError
from cxr_tasks.statistics.scores import choose_threshold


@pytest.mark.parametrize(
    ("min_sensitivity", "cutoff"), [(1.0, 0.2), (0.8, 0.4), (0.75, 0.4), (0.2, 0.9), (0.01, 0.9)]
)
def test_cutoff_is_the_highest_that_detects_enough(min_sensitivity: float, cutoff: float) -> None:
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.7, 0.6, 0.4, 0.2, 0.8, 0.3, 0.1])
    found = choose_threshold(labels, scores, min_sensitivity=min_sensitivity)
    assert found == cutoff
    assert (scores[labels == 1] >= found).mean() >= min_sensitivity


def test_share_that_is_met_exactly_needs_no_image_more() -> None:
    scores = np.linspace(0.01, 1, 100)
    labels = np.ones(100, np.int64)
    cutoff = choose_threshold(labels, scores, min_sensitivity=0.07)
    assert (scores >= cutoff).sum() == 7


def test_without_covid_there_is_no_cutoff() -> None:
    with pytest.raises(DataError, match="No COVID-19 image among the 3"):
        choose_threshold(np.zeros(3, np.int64), np.ones(3), min_sensitivity=0.9)
