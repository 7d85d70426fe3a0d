"""Filters and columns: what an address asks for, what passes, and the addresses pages give."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from cxr_tasks.site.library import Library
from cxr_tasks.site.listing import choose
from cxr_tasks.site.run_facts import FailedStage, RunFacts, Said, Sign
from cxr_tasks.site.view import COLUMNS, FILTERS, View, passed_over, read_view
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.shelf import BEGAN, put_run

PLAIN = RunFacts("plain", BEGAN, config={"profile": "honest", "source": "zip"})
TAGGED = replace(
    PLAIN, key="tagged", said=Said("Agreed with Ann", ("baseline",), "bob", "2026", BEGAN)
)
FAILED = replace(PLAIN, key="failed", failures=(FailedStage("train vanilla_cnn", "nan"),))
STOPPED = replace(PLAIN, key="stopped", failures=(FailedStage("audit", "", stopped=True),))
GOING = replace(PLAIN, key="going", at_work=True, last_sign=Sign(BEGAN, "split: reading"))
CUT = replace(PLAIN, key="cut", last_sign=Sign(BEGAN, "train vanilla_cnn: epoch 3"))
BACK = replace(
    PLAIN, key="back", last_sign=Sign(BEGAN, "train x: Given back.", ended=True, given_back=True)
)
EARLY = replace(PLAIN, key="early", unchanged_since="plain")
BROKEN = replace(PLAIN, key="broken", problem="config.json is missing.", config={})
EVERY = [PLAIN, TAGGED, FAILED, STOPPED, GOING, CUT, BACK, EARLY, BROKEN]


def chosen(**query: str) -> list[str]:
    return [run.key for run in choose(EVERY, read_view(query))]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({"state": "failed"}, ["failed"]),
        ({"state": "stopped"}, ["stopped"]),
        ({"state": "under way"}, ["going", "back"]),
        ({"state": "cut off"}, ["plain", "tagged", "cut"]),
        ({"state": "ended early"}, ["early"]),
        ({"state": "damaged"}, ["broken"]),
        ({"task": "train"}, ["failed", "cut", "back"]),
        ({"task": "audit"}, ["stopped"]),
        ({"task": "split"}, ["going"]),
        ({"tag": "baseline"}, ["tagged"]),
        ({"q": "ANN agreed"}, ["tagged"]),
        ({"q": "bob"}, ["tagged"]),
        ({"q": "ann nobody"}, []),
        ({"profile": "honest", "q": "fail"}, ["failed"]),
        ({"profile": "paper"}, []),
        ({"verdict": "clean"}, []),
    ],
)
def test_filters_leave_out_all_that_is_not_asked_for(
    query: dict[str, str], keys: list[str]
) -> None:
    assert chosen(**query) == keys


def test_source_and_recommendation_are_filtered_by(home: Home, template: RunPaths) -> None:
    put_run(home, template, "none", change=lambda r: r["recommendation"].update(variant=None))
    put_run(home, template, "one")
    runs = Library(home).runs()
    by_key = {run.key: run for run in runs}
    recommended = by_key["one"].report
    assert recommended is not None
    assert recommended.recommended is not None
    assert [r.key for r in choose(runs, View(variant="none"))] == ["none"]
    assert [r.key for r in choose(runs, View(variant=recommended.recommended))] == ["one"]
    assert len(choose(runs, View(source="phantom"))) == 2
    assert choose(runs, View(source="kaggle")) == []


@pytest.mark.parametrize(
    "query",
    [
        {"profile": "<b>", "source": "x", "verdict": "CLEAN", "variant": "all", "state": "odd"},
        {"task": "fold"},
        {"tag": "<script>"},
        {"tag": "x" * 41},
        {"q": "x" * 201},
        {"q": "a\0b"},
        {"q": "\u202e"},
        {"hide": "run"},
        {"hide": "data,profile"},
        {"__class__": "x", "filters": "x"},
    ],
)
def test_a_value_that_means_nothing_is_as_if_it_were_not_there(query: dict[str, str]) -> None:
    assert read_view(query) == View()
    problem = passed_over(query)
    assert problem is not None
    assert all(f"{name}=" in problem.problem for name in query)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=failed&state=stopped", "state=failed"),
        ("profil=paper", "profil=paper"),
        ("page=-1&q=a", "page=-1"),
        ("sort=size&trend=loss&order=up", "sort=size, trend=loss, order=up"),
    ],
)
def test_what_is_passed_over_is_named(query: str, named: str) -> None:
    problem = passed_over(parse_qsl(query))
    assert problem is not None
    assert problem.problem.startswith(f"Of this address {named} ha")


def test_what_the_form_sends_and_what_is_usual_is_all_taken() -> None:
    sent = "q=+a++b+&state=&tag=&sort=when&order=desc&page=1&trend=accuracy&hide=data&hide=note"
    assert passed_over(parse_qsl(sent, keep_blank_values=True)) is None
    assert passed_over({"q": "\u0645\u06cc\u200c\u062e"}) is None  # a joiner within a word


@pytest.mark.parametrize(
    "view",
    [
        View(q="a b&c=d", profile="paper", tag="a+b", page=2),
        View(hide=("data", "vanilla_cnn", "note"), sort="run", order="asc"),
        View(state="under way", task="evaluate", variant="none", verdict="clean", source="zip"),
        View(),
    ],
)
def test_an_address_says_what_is_seen_and_no_more(view: View) -> None:
    assert passed_over(parse_qsl(view.link()[1:])) is None
    assert read_view(parse_qsl(view.link()[1:])) == view
    assert View().link() == "?"


def test_every_column_can_be_hidden_and_every_choice_is_read() -> None:
    assert read_view([("hide", name) for name in COLUMNS]).hide == tuple(COLUMNS)
    for name, each in FILTERS.items():
        for value in each.choices:
            assert getattr(read_view({name: value}), name) == value


def test_what_filters_are_in_use_is_named() -> None:
    assert View(q="a", verdict="clean", sort="run").filters == {"q": "a", "verdict": "clean"}
