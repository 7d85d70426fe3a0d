"""A run that is not finished, and the tab of a run of Airflow, without Airflow."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.site.site import Site
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.locks import is_locked, locked
from cxr_tasks.volume.paths import Home, RunPaths, run_key_from
from tests.site.asking import RUN_ID, Tags, all_runs, shown, tab, text_of
from tests.site.shelf import BEGAN, put_run, put_unfinished
from tests.stored import accept_changes, change_record
from tests.watching.told import fail


def put_mid_stage(home: Home, template: RunPaths, key: str) -> RunPaths:
    """Put a run on the volume that was seen last in the middle of a training."""
    run = put_unfinished(home, template, key)
    shutil.rmtree(run.ingest)
    return run


def test_a_run_whose_process_is_gone_says_so(site: Site, home: Home, template: RunPaths) -> None:
    run = put_mid_stage(home, template, "killed")
    text = text_of(site.of_run.page("killed", base="/cxr"))
    assert "This run was cut off" in text
    assert "it was killed, perhaps for want of memory, or its machine is gone" in text
    assert "the name killed with the same settings goes on" in text
    with locked(run.lock("ingest")):
        assert "is under way" in text_of(site.of_run.page("killed", base="/cxr"))


def test_a_lock_of_another_process_is_seen_on_a_volume_that_is_read_only(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    code = (
        "import pathlib, sys, time; from cxr_tasks.volume.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    assert not is_locked(lock)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(lock)
        holder.kill()
        holder.wait()
    assert lock.exists()
    assert not is_locked(lock)


def test_a_run_that_begins_a_stage_or_is_between_two_is_under_way(
    home: Home, template: RunPaths
) -> None:
    put_mid_stage(home, template, "going")
    last = BEGAN + 60
    for seconds, under_way in ((5, True), (600, False)):
        site = Site(home, clock=partial(float, last + seconds))
        assert ("is under way" in text_of(site.of_run.page("going", base="/cxr"))) is under_way


def test_a_run_that_goes_on_beside_a_failed_variant_is_listed_as_under_way(
    home: Home, template: RunPaths
) -> None:
    run = put_mid_stage(home, template, "going")
    fail(run, "train", "vanilla_cnn")
    for seconds, listed in ((5, "under way Failed so far: train vanilla_cnn:"), (600, "failed")):
        site = Site(home, clock=partial(float, BEGAN + 60 + seconds))
        assert listed in text_of(all_runs(site))
        assert ("note failed" in shown(all_runs(site))) is (listed == "failed")


def test_what_airflow_takes_for_going_on_is_told_to_have_lost_its_process(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_mid_stage(home, template, run_key_from(RUN_ID))
    text = text_of(tab(site, "cxr_pipeline", state="running"))
    assert "is under way" in text
    assert "Airflow notices that within minutes" in text


def test_a_run_that_a_person_stopped_says_so(site: Site, home: Home, template: RunPaths) -> None:
    run = put_mid_stage(home, template, "halted")
    write_json(
        run.error("train", "vanilla_cnn"),
        {"exit_code": -15, "signal": "SIGTERM", "message": "Stopped. It is kept.", "stopped": True},
    )
    text = text_of(site.of_run.page("halted", base="/cxr"))
    assert "This run was stopped" in text
    assert "train vanilla_cnn was stopped" in text
    assert "vanilla_cnn failed" not in text
    assert "stopped train vanilla_cnn: Stopped. It is kept." in text_of(all_runs(site))
    write_json(run.error("audit"), {"exit_code": 2, "signal": None, "message": "DataError: no."})
    assert "This run failed before its report" in text_of(site.of_run.page("halted", base="/cxr"))


@pytest.mark.parametrize("state", ["failed", "running"])
@pytest.mark.parametrize("start", ["failed", "running", "None"])
def test_a_run_whose_start_has_opened_nothing_shows_no_other_run(
    site: Site, home: Home, template: RunPaths, start: str, state: str
) -> None:
    put_run(home, template, "mine")
    asked = AirflowRun(
        "cxr_pipeline", RUN_ID, state, {"run": "mine"}, start=start, refusal="Other <settings>."
    )
    text = text_of(site.of_run.airflow_run(asked, base="/cxr"))
    assert "Chest X-ray classifiers" not in text
    if state == "running":
        assert "is under way" in text
    else:
        assert "This run failed at its start" in text
        assert "Other <settings>." in text


def test_the_tab_shows_the_run_that_start_has_opened(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "mine")
    asked = AirflowRun(
        "cxr_pipeline",
        RUN_ID,
        "success",
        {"run": "other"},
        start="success",
        opening={"run": "mine", "settings": "ab"},
    )
    assert "Chest X-ray classifiers" in text_of(site.of_run.airflow_run(asked, base="/cxr"))


def test_a_run_of_another_dag_has_no_report(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, run_key_from(RUN_ID))
    answer = tab(site, "their_dag")
    assert answer.status == 200
    assert "their_dag make no report" in text_of(answer)


def test_the_tab_finds_the_run_by_its_id_and_by_its_name(
    site: Site, home: Home, template: RunPaths
) -> None:
    by_id = put_run(home, template, run_key_from(RUN_ID)).report / "index.html"
    by_id.write_text("by id")
    by_name = put_run(home, template, "mine").report / "index.html"
    by_name.write_text("by name")
    for page in (by_id, by_name):
        accept_changes(page.parent, ReportRecord)
    assert shown(tab(site, "cxr_pipeline")) == "by id"
    assert shown(tab(site, "cxr_pipeline", run="")) == "by id"
    assert shown(tab(site, "cxr_pipeline", run="mine")) == "by name"


def test_a_run_under_way_is_looked_at_again(site: Site, home: Home, template: RunPaths) -> None:
    put_unfinished(home, template, "mine")
    answer = tab(site, "cxr_pipeline", "running", run="mine")
    assert "is under way" in text_of(answer)
    assert "train vanilla_cnn: epoch 3" in text_of(answer)
    assert "refresh" in Tags(shown(answer)).attributes("meta", "http-equiv")


def test_a_failed_run_says_what_failed(site: Site, home: Home, template: RunPaths) -> None:
    run = put_unfinished(home, template, "mine")
    write_json(run.error("train", "vanilla_cnn"), {"message": "The loss is nan.\nLower the rate."})
    answer = tab(site, "cxr_pipeline", "failed", run="mine")
    assert "train vanilla_cnn failed" in text_of(answer)
    assert "Lower the rate." in text_of(answer)
    assert "refresh" not in Tags(shown(answer)).attributes("meta", "http-equiv")


def test_a_run_that_was_refused_at_its_start_says_so(site: Site) -> None:
    assert "log of the task start" in text_of(tab(site, "cxr_pipeline", "failed"))


def test_a_run_that_changed_nothing_leads_to_the_earlier_one(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "earlier")
    run = put_unfinished(home, template, "later")
    change_record(run.ingest / "ingest.json", unchanged_since="earlier")
    answer = tab(site, "cxr_pipeline", run="later")
    assert "ended early on purpose" in text_of(answer)
    assert "/cxr/runs/earlier" in Tags(shown(answer)).attributes("a", "href")


def test_an_airflow_run_that_does_not_exist_is_not_found(site: Site) -> None:
    assert tab(site, "cxr_pipeline", None).status == 404
