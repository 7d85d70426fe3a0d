import numpy as np
import pytest

from cxr_tasks.statistics.repeats import describe_repeats, spread_of
from cxr_tasks.statistics.scores import ScoredImages

LABELS = np.array([0, 0, 1, 1])


def scored(*by_repeat: list[float]) -> ScoredImages:
    each = np.array(by_repeat)
    return ScoredImages(LABELS, each.mean(axis=0), np.arange(4), by_repeat=each)


def test_each_repeat_is_measured_by_its_own_scores() -> None:
    facts = describe_repeats(scored([0.1, 0.2, 0.8, 0.9], [0.1, 0.9, 0.2, 0.8]))
    assert facts is not None
    assert [each.roc_auc for each in facts.measures] == [1.0, 0.5]
    assert [each.accuracy for each in facts.measures] == [1.0, 0.5]
    assert facts.roc_auc is not None
    assert (facts.roc_auc.least, facts.roc_auc.most, facts.roc_auc.n) == (0.5, 1.0, 2)
    assert facts.roc_auc.sd == pytest.approx(np.std([1, 0.5], ddof=1))


def test_one_repeat_has_no_spread() -> None:
    assert describe_repeats(scored([0.1, 0.2, 0.8, 0.9])) is None
    assert describe_repeats(ScoredImages(LABELS, np.zeros(4), np.arange(4))) is None


def test_an_undefined_figure_has_no_spread() -> None:
    assert spread_of([0.5, None, 0.7]) is None
    assert spread_of([0.5]) is None
