"""The trend: what is joined, what is kept apart, and where it stands."""

from dataclasses import replace

import pytest

from cxr_tasks.site.library import Library
from cxr_tasks.site.run_facts import UNDEFINED, RunFacts
from cxr_tasks.site.trend import FRAME, MAX_RUNS, make_trend
from cxr_tasks.statistics.figures_record import Basis, Estimate
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.shelf import put_run

FROZEN = "mobilenetv2_frozen"


@pytest.fixture
def run(home: Home, template: RunPaths) -> RunFacts:
    put_run(home, template, "one")
    return Library(home).runs()[0]


def on(run: RunFacts, data: str, basis: Basis = "test") -> RunFacts:
    assert run.report is not None
    return replace(run, report=replace(run.report, data_fingerprint=data, basis=basis))


def with_frozen(run: RunFacts, figure: Estimate) -> RunFacts:
    assert run.report is not None
    facts = replace(run.report.variants[FROZEN], accuracy=figure)
    variants = {**run.report.variants, FROZEN: facts}
    return replace(run, report=replace(run.report, variants=variants))


def test_one_run_is_no_trend(run: RunFacts) -> None:
    assert make_trend([run], "accuracy") is None
    assert make_trend([run, replace(run, report=None)], "accuracy") is None


def test_neighbours_on_the_same_data_are_joined(run: RunFacts) -> None:
    trend = make_trend([run] * 3, "accuracy")
    assert trend is not None
    assert len(trend.lines[FROZEN]) == 2
    assert (trend.n_data, len(trend.stretches)) == (1, 1)


@pytest.mark.parametrize(("data", "basis"), [("other", "test"), ("same", "val")])
def test_a_change_of_data_or_part_is_never_crossed(run: RunFacts, data: str, basis: Basis) -> None:
    runs = [on(run, "same"), on(run, data, basis), on(run, "same")]
    trend = make_trend(runs, "accuracy")
    assert trend is not None
    assert trend.lines[FROZEN] == []
    assert [stretch.number for stretch in trend.stretches] == [1, 2, 1]
    assert trend.n_data == 2


def test_no_line_passes_through_other_data_where_a_variant_is_missing(run: RunFacts) -> None:
    between = with_frozen(on(run, "other"), UNDEFINED)
    trend = make_trend([on(run, "same"), between, on(run, "same")], "accuracy")
    assert trend is not None
    assert len(trend.points[FROZEN]) == 2
    assert trend.lines[FROZEN] == []


def test_variants_without_a_figure_have_no_point(run: RunFacts) -> None:
    trend = make_trend([run, run], "accuracy")
    assert trend is not None
    assert trend.points["vanilla_cnn"] == []


def test_points_and_intervals_stay_in_the_frame(run: RunFacts) -> None:
    low = Estimate(value=1.0, interval=[0.03, 1.0])
    runs = [with_frozen(run, low), with_frozen(run, Estimate(value=0.0, interval=None))]
    trend = make_trend(runs, "accuracy")
    assert trend is not None
    heights = [y for point in trend.points[FROZEN] for y in (point.y, point.low, point.high)]
    assert min(heights) == FRAME.top
    assert max(heights) == FRAME.bottom


def test_the_oldest_stands_left_and_the_newest_are_shown(run: RunFacts) -> None:
    runs = [replace(run, key=f"run-{n}") for n in range(MAX_RUNS + 5)]
    trend = make_trend(runs, "roc_auc")
    assert trend is not None
    assert [point.run.key for point in trend.points[FROZEN]] == [
        f"run-{n}" for n in reversed(range(MAX_RUNS))
    ]
    assert (trend.n_shown, trend.n_left_out) == (MAX_RUNS, 5)
    places = [point.x for point in trend.points[FROZEN]]
    assert places == sorted(set(places))
