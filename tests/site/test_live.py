"""The page of a run that goes on: what it shows, and what it is answered when it asks for more."""

import html
import json
import re
from functools import partial
from pathlib import Path

import pytest

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.runs.start import read_config
from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.site.answer import Answer
from cxr_tasks.site.live import Watched, make_live
from cxr_tasks.site.notice import no_report_yet
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.watching.run_progress import AirflowTask, Outcome, RunProgress
from tests.made_facts import filled
from tests.policy import check_headers, refused_scripts
from tests.site.asking import HOSTILE, Tags, shown, text_of
from tests.site.shelf import put_run
from tests.watching.told import BEGAN, begin_run, fail, finish, told, told_epochs

NAME = "mobilenetv2_frozen"


@pytest.fixture
def run(home: Home) -> RunPaths:
    """Give a run whose third fold trains."""
    run = begin_run(home, variants=f"{NAME},vanilla_cnn", folds=5)
    for stage in ("ingest", "split"):
        finish(run, stage)
    told(run, "train", "start", variant=NAME)
    for number in (1, 2, 3):
        fit = f"fold {number} of 5"
        told(run, "train", "start", variant=NAME, fit=fit, at=BEGAN + 20 * number)
        told_epochs(run, range(1, 13), variant=NAME, fit=fit, n_epochs=500, at=BEGAN + 20 * number)
    return run


@pytest.fixture
def site(home: Home) -> Site:
    return Site(home, clock=partial(float, BEGAN + 75))


def opened(site: Site, key: str = "mine") -> Answer:
    return site.of_run.page(key, base="/cxr")


def asked(site: Site, known: str = "", key: str = "mine") -> Answer:
    return site.of_run.page(key, base="/cxr", known=known)


@pytest.mark.usefixtures("run")
def test_fold_epoch_losses_and_time_left_are_shown(site: Site) -> None:
    text = text_of(opened(site))
    assert "mine is under way" in text
    assert "Fold 3 of 5, epoch 12 of at most 500" in text
    assert "loss 0.500, validation 0.600; validation accuracy 75.0" in text
    assert "at most 8 min 5 s left of this fold" in text
    assert "about 33 s left of all" in text  # 12 s a fit: two folds and the final, from 3 s ago
    assert "Waits for its turn: MobileNetV2 frozen is under way." in text
    assert "synthetic: these numbers say nothing about patients" in text


@pytest.mark.usefixtures("run")
def test_every_fold_has_its_curve_in_both_charts(site: Site) -> None:
    page = Tags(shown(opened(site)))
    charts = [json.loads(str(text)) for text in page.attributes("svg", "data-curves")]
    assert len(charts) == 2
    loss, accuracy = ([curve["name"] for curve in chart["curves"]] for chart in charts)
    assert accuracy == ["fold 1 of 5", "fold 2 of 5", "fold 3 of 5"]
    assert loss == [*accuracy, "fold 3 of 5, training"]
    assert all(len(curve["points"]) == 12 for chart in charts for curve in chart["curves"])


@pytest.mark.usefixtures("run")
def test_the_page_runs_only_our_scripts_asks_only_here_and_works_without_them(site: Site) -> None:
    answer = opened(site)
    check_headers(answer.headers)
    assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    assert refused_scripts(shown(answer)) == []
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+">', shown(answer))
    assert "connect-src" not in site.all_runs({}, base="/cxr").headers["Content-Security-Policy"]


def test_what_is_new_is_a_body_and_nothing_new_is_a_word(site: Site, run: RunPaths) -> None:
    first = next(Tags(shown(opened(site))).attributes("div", "data-tag"))
    assert asked(site, str(first)) == Answer("", 304, extra={"ETag": str(first)})
    told_epochs(run, [13], variant=NAME, fit="fold 3 of 5", n_epochs=500, at=BEGAN + 60)
    answer = asked(site, str(first))
    assert answer.status == 200
    assert "epoch 13 of at most 500" in text_of(answer)
    assert "<html" not in shown(answer)
    assert "<script" not in shown(answer)
    assert (tag := answer.headers["ETag"]) != first
    assert asked(site, f'"other", {tag.removeprefix("W/")}').status == 304


@pytest.mark.usefixtures("run")
def test_another_process_of_the_server_knows_the_same_tag(site: Site, home: Home) -> None:
    tag = asked(site).headers["ETag"]
    later = Site(home, clock=partial(float, BEGAN + 90))
    assert asked(later, tag).status == 304


def test_the_errors_of_a_run_that_goes_on_are_shown_in_full(site: Site, run: RunPaths) -> None:
    told(run, "train", "start", variant="vanilla_cnn", at=BEGAN + 69)
    fail(run, "train", "vanilla_cnn", message="The loss is nan.\nA rule.\nA remedy.")
    told(run, "train", "failed", variant="vanilla_cnn", at=BEGAN + 70)
    told(run, "train", "start", variant="vanilla_cnn", at=BEGAN + 71)
    page = shown(opened(site))
    assert "The loss is nan.\nA rule.\nA remedy." in page
    assert "train vanilla_cnn failed, and is tried again" in text_of(opened(site))
    assert "Try 2" in text_of(opened(site))


def test_a_run_that_failed_keeps_its_tasks_and_is_asked_for_often_since_it_may_go_on(
    home: Home, run: RunPaths
) -> None:
    fail(run, "train", NAME, message="Killed.")
    told(run, "train", "failed", variant=NAME, at=BEGAN + 80)
    site = Site(home, clock=partial(float, BEGAN + 9000))
    page = opened(site)
    assert "This run failed before its report" in text_of(page)
    assert "Killed." in text_of(page)
    assert next(Tags(shown(page)).attributes("div", "data-every")) == "3"
    assert len(list(Tags(shown(page)).attributes("svg", "data-curves"))) == 2
    assert "The run ended before it." in text_of(page)


def test_a_run_that_waits_for_a_person_says_so_and_is_asked_for_often(
    home: Home, template: RunPaths
) -> None:
    run = put_run(home, template, "asking")
    asked = filled(ApprovalRecord, answer=None, report_sha256="a" * 64)
    write_sealed_record(run.approval, asked)
    variants = read_config(run).variants
    for name in ("split", "audit", "evaluate"):
        finish(run, name)
    for variant in variants:
        finish(run, "train", variant)
        told(run, "train", variant=variant)
    site = Site(home, clock=partial(float, BEGAN + 9000))
    page = site.of_run.page("asking", base="/cxr", part="progress")
    assert "it waits for a person to approve it: in Airflow under Required Actions" in text_of(page)
    assert next(Tags(shown(page)).attributes("div", "data-every")) == "3"


@pytest.mark.parametrize("outcome", ["finished", "gone"])
def test_what_will_not_go_on_is_asked_for_seldom(outcome: Outcome) -> None:
    live = make_live(
        Watched(no_report_yet("mine", None), RunProgress("mine", (), outcome)),
        page="/cxr/runs/mine",
        now=BEGAN,
    )
    assert live.every_seconds == 15


def test_a_record_that_is_damaged_while_the_page_is_open_is_named(site: Site, home: Home) -> None:
    run = begin_run(home)
    first = opened(site)
    assert "cannot be read" not in text_of(first)
    finish(run, "audit")
    answer = asked(site, str(next(Tags(shown(first)).attributes("div", "data-tag"))))
    assert "cannot be read. audit/audit.json is not what was written" in text_of(answer)


def test_when_the_report_is_there_the_open_page_is_told(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "done")
    answer = asked(site, key="done")
    assert next(Tags(shown(answer)).attributes("div", "data-ready")) == "calm"
    assert "/cxr/runs/done" in Tags(shown(answer)).attributes("a", "href")
    assert "The report is ready" in text_of(answer)
    page = site.of_run.page("done", base="/cxr", part="progress")
    assert "How done went" in text_of(page)
    assert shown(page).startswith("<!doctype html>")
    assert "Chest X-ray" in text_of(opened(site, "done"))


def test_text_of_events_and_errors_is_shown_as_text(site: Site, run: RunPaths) -> None:
    fail(run, "audit", message=HOSTILE)
    told(run, "audit", "start", HOSTILE, at=BEGAN + 70)
    told(run, "audit", "note", HOSTILE, at=BEGAN + 71)
    for answer in (opened(site), asked(site)):
        assert refused_scripts(shown(answer)) == []
        assert HOSTILE in html.unescape(shown(answer))
        assert "49" not in text_of(answer)


def test_curves_of_many_folds_and_epochs_stay_small(site: Site, home: Home) -> None:
    run = begin_run(home, "many", variants=NAME, folds=5, repeats=3)
    for number in range(1, 16):
        fit = f"fold {number} of 15"
        told_epochs(run, range(1, 120), variant=NAME, fit=fit, n_epochs=500)
    answer = asked(site, key="many")
    assert answer.status == 200
    lines = [str(path) for path in Tags(shown(answer)).attributes("path", "d")]
    assert 15 * 20 < sum(line.count("L") for line in lines) / 2 < 15 * 40
    assert shown(answer).count('class="faint"') == 28


def test_a_run_that_airflow_has_not_begun_shows_its_tasks(site: Site) -> None:
    run = AirflowRun(
        "cxr_pipeline",
        "manual__1",
        "queued",
        start="scheduled",
        tasks={"start": AirflowTask("scheduled", 0, "default_pool"), "ingest": AirflowTask(None)},
    )
    page = site.of_run.airflow_run(run, base="/cxr")
    assert "Waits for a free slot of the pool default_pool." in text_of(page)
    assert text_of(page).count("Waits for split.") == 5  # which variants it has is not known yet
    assert "/cxr/cxr_pipeline/manual__1/live" in Tags(shown(page)).attributes("div", "data-address")
    tag = site.of_run.airflow_run(run, base="/cxr", known="").headers["ETag"]
    assert site.of_run.airflow_run(run, base="/cxr", known=tag).status == 304


def test_a_run_that_is_refused_while_its_page_is_open_answers_with_the_page_that_says_so(
    site: Site,
) -> None:
    """It has no tasks to show, so that the script loads it in place of the open page."""
    run = AirflowRun("cxr_pipeline", "manual__1", "failed", start="failed", refusal="No such data.")
    answer = site.of_run.airflow_run(run, base="/cxr", known='W/"what the page had"')
    assert shown(answer).startswith("<!doctype html>")
    assert "No such data." in text_of(answer)
    assert list(Tags(shown(answer)).attributes("div", "data-now")) == []


@pytest.mark.parametrize("key", ["..", "none", "a\0b", "a" * 500])
def test_a_name_that_is_no_runs_has_nothing_new(site: Site, key: str) -> None:
    answer = asked(site, key=key)
    assert answer.status == 404
    assert "No such run" in text_of(answer)


def test_the_script_counts_durations_as_the_page_writes_them() -> None:
    """Their wording stands twice, in Python and in the script: both have the same units."""
    folder = Path(__file__).parents[2] / "cxr_tasks"
    script = (folder / "reporting" / "templates" / "live.js").read_text()
    assert [text in script for text in ("} s`", "} min ${", "} h ${")] == [True] * 3
