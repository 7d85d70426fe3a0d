import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cxr_tasks.statistics.figures_record import Estimate, FoldSpread, StatisticsFacts
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.metrics import measure, predictive_values
from cxr_tasks.statistics.resampling import group_resamples
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.statistics.summary import describe


def drawn(n: int = 120, *, n_folds: int = 0) -> ScoredImages:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, n // 2, size=n)
    labels = (groups % 2).astype(np.int64)
    scores = np.clip(0.35 * labels + rng.normal(0.35, 0.2, n), 0.001, 0.999)
    folds = rng.integers(1, n_folds + 1, size=n) if n_folds else None
    return ScoredImages(labels, scores, groups, folds)


def described(scored: ScoredImages, **changes: Any) -> StatisticsFacts:
    resamples = group_resamples(scored.labels, scored.groups, n_resamples=100, seed=0)
    settings: dict[str, Any] = {
        "prevalence": 0.1,
        "min_sensitivity": 0.9,
        "temperatures": [],
        "seed": 0,
    }
    return describe(scored, resamples, **(settings | changes))


def test_values_are_those_of_the_plain_metrics() -> None:
    scored = drawn()
    plain = measure(scored.labels, scored.scores).content()
    figures = described(scored).metrics.content()
    for name in set(figures) & set(plain):
        assert figures[name]["value"] == pytest.approx(plain[name]), name
        low, high = figures[name]["interval"]
        assert low <= figures[name]["value"] <= high, name
    assert set(plain) >= set(figures) - {"average_precision", "brier"}


def test_intervals_that_take_images_as_independent_are_named() -> None:
    figures = described(drawn()).metrics.content()
    methods = {
        name: figure["independent"] and figure["independent"]["method"]
        for name, figure in figures.items()
    }
    assert {name for name, method in methods.items() if method == "Wilson"} == {
        "accuracy",
        "sensitivity",
        "specificity",
        "precision",
    }
    assert methods["roc_auc"] == "DeLong"
    assert methods["f1"] is None


def test_where_every_image_is_right_the_interval_is_no_certainty() -> None:
    scored = drawn()
    right = described(replace(scored, scores=np.where(scored.labels == 1, 0.9, 0.1)))
    for name, label in (("accuracy", None), ("sensitivity", 1), ("specificity", 0)):
        of_class = scored.labels == label if label is not None else scored.labels >= 0
        n_groups = len(np.unique(scored.groups[of_class]))
        assert getattr(right.metrics, name).interval == wilson(n_groups, n_groups), name
    values = right.predictive_values
    sensitivity, specificity = (
        np.asarray(figure.interval)
        for figure in (right.metrics.sensitivity, right.metrics.specificity)
    )
    expected = predictive_values(sensitivity, specificity, prevalence=0.1)
    assert values.ppv.interval == pytest.approx(expected["ppv"].tolist())
    assert expected["ppv"][0] < 0.9


def test_folds_are_measured_each() -> None:
    assert described(drawn()).by_fold == []
    by_fold = described(drawn(n_folds=4)).by_fold
    assert [each.fold for each in by_fold] == [1, 2, 3, 4]
    assert sum(each.n_images for each in by_fold) == 120


def test_operating_point_uses_the_cutoff_of_each_image() -> None:
    scored = drawn()
    assert described(scored).operating_point is None
    cutoffs = np.where(np.arange(120) < 60, 0.2, 0.4)
    point = described(replace(scored, cutoffs=cutoffs)).operating_point
    assert point is not None
    decisions = scored.scores >= cutoffs
    assert point.sensitivity.value == pytest.approx(decisions[scored.labels == 1].mean())
    assert point.cutoff.median == pytest.approx(0.3)
    assert (point.cutoff.least, point.cutoff.most) == (0.2, 0.4)
    assert sum(point.confusion.content().values()) == 120


def test_predictive_values_are_bayes() -> None:
    # Altman & Bland 1994, doi 10.1136/bmj.309.6947.102: sensitivity 231/258, specificity 54/86
    found = predictive_values(np.array([231 / 258]), np.array([54 / 86]), prevalence=258 / 344)
    assert found["ppv"][0] == pytest.approx(231 / 263)
    assert found["npv"][0] == pytest.approx(54 / 81)
    rare = predictive_values(np.array([0.9]), np.array([0.9]), prevalence=0.01)
    assert rare["ppv"][0] == pytest.approx(0.009 / (0.009 + 0.099))


def test_predictive_value_of_a_call_that_is_never_made_is_undefined() -> None:
    scored = drawn()
    none_called = described(replace(scored, scores=scored.scores / 10))
    assert none_called.predictive_values.ppv == Estimate(value=None, interval=None)
    assert none_called.metrics.precision.value is None


def test_calibrated_scores_and_temperatures_are_told() -> None:
    scored = drawn()
    assert described(scored).calibration.scaled is None
    facts = described(replace(scored, calibrated=scored.scores**2), temperatures=[1.0, 3.0, 1.5])
    assert facts.calibration.temperature == FoldSpread(median=1.5, least=1.0, most=3.0)
    assert facts.calibration.scaled is not None
    assert facts.calibration.scaled.brier != facts.calibration.raw.brier


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0], [0, 1, 1]])
def test_everything_is_json_even_where_little_is_defined(labels: list[int]) -> None:
    scored = ScoredImages(
        np.array(labels),
        np.array([0.0, 1.0, 0.5]),
        np.arange(3),
        np.array([1, 2, 3]),
        np.array([0.1, 0.9, 0.5]),
        np.full(3, 0.5),
    )
    json.dumps(described(scored).content(), allow_nan=False)
