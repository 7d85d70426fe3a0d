"""The table: its order, its pages, and the addresses it gives."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.site.library import Library
from cxr_tasks.site.listing import PAGE_SIZE, make_listing
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.site.view import View, read_view
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.shelf import BEGAN, put_run, put_unfinished, scoring


def order_of(runs: list[RunFacts], view: View) -> list[str]:
    return [run.key for run in make_listing(runs, view).rows]


@pytest.fixture
def runs(home: Home, template: RunPaths) -> list[RunFacts]:
    for n, (key, score) in enumerate({"a": 0.7, "b": 0.9, "c": 0.8}.items()):
        put_run(home, template, key, began=BEGAN + n, change=scoring({"mobilenetv2_frozen": score}))
    put_unfinished(home, template, "d", began=BEGAN + 9)
    return Library(home).runs()


def test_the_newest_run_is_first_unless_asked_otherwise(runs: list[RunFacts]) -> None:
    assert order_of(runs, View()) == ["d", "c", "b", "a"]
    assert order_of(runs, View(order="asc")) == ["a", "b", "c", "d"]


def test_runs_without_the_figure_stand_last_both_ways(runs: list[RunFacts]) -> None:
    view = View(sort="mobilenetv2_frozen.accuracy")
    assert order_of(runs, view) == ["b", "c", "a", "d"]
    assert order_of(runs, replace(view, order="asc")) == ["a", "c", "b", "d"]


def test_verdicts_are_sorted_by_gravity(runs: list[RunFacts]) -> None:
    verdicts: dict[str, VerdictName] = {"a": "clean", "b": "shortcut", "c": "warning"}
    judged = [
        replace(run, report=replace(run.report, verdict=verdicts[run.key]) if run.report else None)
        for run in runs
    ]
    assert order_of(judged, View(sort="verdict")) == ["b", "c", "a", "d"]


def test_pages_hold_every_run_once() -> None:
    runs = [RunFacts(f"run-{n}", BEGAN - n) for n in range(2 * PAGE_SIZE + 1)]
    pages = [make_listing(runs, View(page=page)) for page in (1, 2, 3)]
    assert [run for page in pages for run in page.rows] == runs
    assert {page.n_pages for page in pages} == {3}


def test_a_page_beyond_the_last_is_the_last() -> None:
    runs = [RunFacts("one", BEGAN)]
    assert make_listing(runs, View(page=99)).view.page == 1


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "<script>", "order": "up", "page": "-1", "trend": "loss"},
        {"page": "1e9"},
        {"page": "²"},
        {"page": "9" * 5000},
        {},
    ],
)
def test_a_query_that_means_nothing_is_as_if_it_were_not_there(query: dict[str, str]) -> None:
    assert read_view(query) == View()


def test_a_link_is_read_as_it_was_meant() -> None:
    view = View(sort="vanilla_cnn.roc_auc", order="asc", page=3, trend="roc_auc")
    query = {name: values[0] for name, values in parse_qs(view.link()[1:]).items()}
    assert read_view(query) == view


def test_sorting_twice_by_the_same_turns_the_order() -> None:
    assert "order=asc" in View(sort="run", page=4).sort_link("run")
    assert "order" not in View(sort="run", order="asc").sort_link("when")
    assert "page" not in View(sort="run", page=4).sort_link("run")
