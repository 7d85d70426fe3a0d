import math

import numpy as np
import pytest

from cxr_tasks.statistics.figures_record import Confusion
from cxr_tasks.statistics.metrics import measure

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.8, 0.5, 0.2, 0.6, 0.4, 0.3, 0.2, 0.1, 0.1])


def test_figures_by_hand() -> None:
    found = measure(LABELS, SCORES)
    assert found.confusion == Confusion(
        true_positive=3, false_positive=1, true_negative=5, false_negative=1
    )
    assert found.accuracy == pytest.approx(8 / 10)
    assert found.sensitivity == pytest.approx(3 / 4)
    assert found.specificity == pytest.approx(5 / 6)
    assert found.balanced_accuracy == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert found.precision == pytest.approx(3 / 4)
    assert found.f1 == pytest.approx(3 / 4)


def test_auc_is_the_fraction_of_pairs_in_order() -> None:
    pairs = [(p, n) for p in SCORES[LABELS == 1] for n in SCORES[LABELS == 0]]
    in_order = sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs)
    assert measure(LABELS, SCORES).roc_auc == pytest.approx(in_order / len(pairs))


def test_loss_is_the_mean_cross_entropy() -> None:
    terms = [math.log(s if y else 1 - s) for y, s in zip(LABELS, SCORES, strict=True)]
    assert measure(LABELS, SCORES).loss == pytest.approx(-sum(terms) / len(terms))


def test_undefined_figures_are_none() -> None:
    found = measure(np.array([0, 0]), np.array([0.1, 0.2]))
    assert found.sensitivity is None
    assert found.precision is None
    assert found.roc_auc is None
    assert found.specificity == 1.0
