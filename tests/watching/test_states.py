"""The state of each task, from events, files, locks and Airflow's words."""

import re
import shutil
from pathlib import Path

import pytest

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.runs.starts import Starter, note_start
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.watching.run_progress import AirflowTask
from cxr_tasks.watching.watch import PAUSE_SECONDS, Watch
from tests.made_facts import filled
from tests.stored import change_record
from tests.watching.told import BEGAN, begin_run, fail, finish, states, told, told_epochs

ONE, OTHER = "vanilla_cnn", "mobilenetv2_frozen"
LATER = BEGAN + 10 * PAUSE_SECONDS


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return begin_run(Home(tmp_path), variants=f"{ONE},{OTHER}")


@pytest.fixture
def trained(run: RunPaths) -> RunPaths:
    """Give a run whose data are ready, and of which one variant trains."""
    for stage in ("ingest", "split"):
        told(run, stage, "start")
        finish(run, stage)
        told(run, stage)
    told(run, "train", "start", variant=ONE)
    return run


def says(watch: Watch, name: str, *, now: float = BEGAN) -> str:
    return next(task.says for task in watch.look(now=now).tasks if task.name == name)


def test_a_run_that_begins_waits_for_what_comes_first(run: RunPaths) -> None:
    told(run, "ingest", "start")
    found = states(Watch(run))
    assert (found["start"], found["ingest"], found["split"]) == ("done", "running", "waiting")
    assert says(Watch(run), "split") == "Waits for ingest."
    assert says(Watch(run), "evaluate") == f"Waits for audit, {ONE} and {OTHER}."


def test_what_the_settings_leave_out_is_not_selected(tmp_path: Path) -> None:
    run = begin_run(Home(tmp_path), variants=ONE, promote=False)
    found = states(Watch(run))
    left_out = {name for name, state in found.items() if state == "not selected"}
    assert left_out == {"promote", *(f"train {name}" for name in VARIANTS if name != ONE)}


def test_a_training_waits_for_its_turn(trained: RunPaths) -> None:
    assert says(Watch(trained), f"train {OTHER}") == f"Waits for its turn: {ONE} is under way."


def test_a_training_waits_for_several_that_are_under_way(tmp_path: Path) -> None:
    run = begin_run(Home(tmp_path))
    for stage in ("ingest", "split"):
        finish(run, stage)
    for variant in (ONE, OTHER):
        told(run, "train", "start", variant=variant)
    third = next(name for name in VARIANTS if name not in (ONE, OTHER))
    waits = says(Watch(run), f"train {third}")
    assert re.fullmatch(r"Waits for its turn: \w+ and \w+ are under way\.", waits)


def test_a_stage_that_is_killed_is_cut_off_and_one_with_a_lock_is_not(trained: RunPaths) -> None:
    with locked(trained.lock("train", ONE)):
        assert states(Watch(trained), now=LATER)[f"train {ONE}"] == "running"
    watch = Watch(trained)
    assert states(watch, now=LATER)[f"train {ONE}"] == "cut off"
    assert states(watch, now=LATER)["evaluate"] == "not run"
    assert watch.look(now=LATER).outcome == "cut off"


def test_an_event_of_a_clock_ahead_keeps_no_killed_stage_running(trained: RunPaths) -> None:
    assert states(Watch(trained), now=BEGAN - 5)[f"train {ONE}"] == "running"  # clocks differ a bit
    progress = Watch(trained).look(now=BEGAN - 10 * PAUSE_SECONDS)
    assert {task.name: task.state for task in progress.tasks}[f"train {ONE}"] == "cut off"
    assert progress.outcome == "cut off"


def test_a_failed_variant_costs_the_others_nothing(trained: RunPaths) -> None:
    fail(trained, "train", ONE)
    told(trained, "train", "failed", variant=ONE)
    told(trained, "train", "start", variant=OTHER)
    watch = Watch(trained)
    found = states(watch)
    assert (found[f"train {ONE}"], found[f"train {OTHER}"]) == ("failed", "running")
    assert watch.look(now=BEGAN).outcome == ""
    assert says(watch, f"train {ONE}") == "It broke."
    for stage in ("audit", "evaluate", "report"):
        finish(trained, stage)
    finish(trained, "train", OTHER)
    told(trained, "train", variant=OTHER)
    found = states(watch)
    assert (found["gate"], found["promote"]) == ("failed", "not run")
    assert says(watch, "gate") == f"Missing: {ONE}."
    assert watch.look(now=BEGAN).outcome == "failed"


def test_a_try_after_a_failure_runs_and_keeps_the_error_of_the_first(trained: RunPaths) -> None:
    fail(trained, "train", ONE)
    told(trained, "train", "failed", variant=ONE)
    told(trained, "train", "start", variant=ONE)
    task = next(t for t in Watch(trained).look(now=BEGAN).tasks if t.name == f"train {ONE}")
    assert (task.state, task.n_tries) == ("running", 2)
    assert task.failure is not None
    assert task.failure.message == "It broke.\nIn two lines."


def test_after_a_failed_ingest_nothing_runs(run: RunPaths) -> None:
    told(run, "ingest", "start")
    fail(run, "ingest", exit_code=2)
    told(run, "ingest", "failed")
    progress = Watch(run).look(now=BEGAN)
    assert progress.outcome == "failed"  # at once: the same input would bring it again
    found = {task.name: task.state for task in progress.tasks}
    assert {found[name] for name in ("split", "audit", "evaluate", "gate")} == {"not run"}


def test_what_may_be_tried_again_has_not_ended_the_run_yet(run: RunPaths) -> None:
    told(run, "ingest", "start")
    fail(run, "ingest", exit_code=1)
    told(run, "ingest", "failed")
    assert Watch(run).look(now=BEGAN).outcome == ""
    assert Watch(run).look(now=LATER).outcome == "failed"


def test_a_run_that_a_person_stopped_has_ended(trained: RunPaths) -> None:
    fail(trained, "train", ONE, stopped=True, exit_code=None)
    told(trained, "train", "stopped", variant=ONE)
    watch = Watch(trained)
    assert states(watch)[f"train {ONE}"] == "stopped"
    assert watch.look(now=BEGAN).outcome == "stopped"


def test_a_training_that_was_given_back_waits_for_a_worker(trained: RunPaths) -> None:
    told_epochs(trained, range(1, 4), variant=ONE)
    told(trained, "train", "given back", "Given back after epoch 3.", variant=ONE)
    watch = Watch(trained)
    task = next(t for t in watch.look(now=LATER).tasks if t.name == f"train {ONE}")
    assert (task.state, task.says, task.failure) == ("queued", "Given back after epoch 3.", None)
    assert watch.look(now=LATER).outcome == ""
    again = watch.look(
        now=LATER, state="running", airflow={f"train.{ONE}": AirflowTask("up_for_reschedule", 1)}
    )
    assert [t for t in again.tasks if t.name == task.name] == [task]

    told(trained, "train", "start", variant=ONE)
    task = next(t for t in watch.look(now=BEGAN).tasks if t.name == f"train {ONE}")
    assert (task.state, task.n_tries) == ("running", 1), "it has not failed"


def test_a_failed_variant_does_not_end_a_run_whose_other_was_given_back(trained: RunPaths) -> None:
    fail(trained, "train", OTHER)
    told(trained, "train", "failed", variant=OTHER)
    told(trained, "train", "given back", variant=ONE)
    assert Watch(trained).look(now=LATER).outcome == ""


def test_a_try_that_was_given_back_after_a_failed_one_waits_too(trained: RunPaths) -> None:
    fail(trained, "train", ONE)
    told(trained, "train", "failed", variant=ONE)
    told(trained, "train", "start", variant=ONE)
    told(trained, "train", "given back", variant=ONE)
    assert states(Watch(trained))[f"train {ONE}"] == "queued"


def test_a_whole_run_is_finished(trained: RunPaths) -> None:
    for stage in ("audit", "evaluate", "report", "promote"):
        finish(trained, stage)
    for name in (ONE, OTHER):
        finish(trained, "train", name)
    told(trained, "train", variant=ONE)
    assert Watch(trained).look(now=LATER).outcome == "finished"


def test_airflows_words_decide_where_it_runs_the_tasks(trained: RunPaths) -> None:
    airflow = {
        "start": AirflowTask("success", 1, "default_pool"),
        f"train.{ONE}": AirflowTask("up_for_retry", 1, "training"),
        f"train.{OTHER}": AirflowTask("scheduled", 0, "training"),
        "audit": AirflowTask("queued", 0, "default_pool"),
        "evaluate": AirflowTask(None),
        "promote": AirflowTask("upstream_failed"),
    }
    progress = Watch(trained).look(now=LATER, state="running", airflow=airflow)
    found = {task.name: (task.state, task.says) for task in progress.tasks}
    assert found[f"train {OTHER}"] == ("queued", "Waits for a free slot of the pool training.")
    assert found["audit"] == ("queued", "Waits for a free worker.")
    assert found[f"train {ONE}"] == ("queued", "Try 1 has failed; Airflow tries again soon.")
    assert found["evaluate"][0] == "waiting"
    assert found["promote"][0] == "not run"
    assert progress.outcome == ""


def test_a_promotion_says_that_it_waits_for_a_person(trained: RunPaths) -> None:
    airflow = {"approve": AirflowTask("awaiting_input", 1), "promote": AirflowTask(None)}
    progress = Watch(trained).look(now=LATER, state="running", airflow=airflow)
    said = next(task.says for task in progress.tasks if task.name == "promote")
    assert said == "Waits for a person to approve it, in Airflow: Required Actions."


def asked(run: RunPaths) -> None:
    write_sealed_record(run.approval, filled(ApprovalRecord, answer=None, report_sha256="a" * 64))


def reported(run: RunPaths) -> None:
    """Bring a run to the gate."""
    for stage in ("audit", "evaluate", "report"):
        finish(run, stage)
    for variant in (ONE, OTHER):
        finish(run, "train", variant)
        told(run, "train", variant=variant)


def test_a_run_whose_model_a_person_is_asked_about_waits(trained: RunPaths) -> None:
    reported(trained)
    told(trained, "promote", "note", "scores 40 images")  # by who asks
    asked(trained)
    progress = Watch(trained).look(now=LATER)
    how = "in Airflow under Required Actions, or python -m cxr_tasks approval --run mine"
    assert progress.outcome == ""
    assert progress.waits_for == f"a person to approve it: {how}"
    assert progress.tasks[-1].state == "waiting"
    assert progress.tasks[-1].says == f"Waits for a person to approve it: {how}."


def test_a_run_that_asks_nobody_any_more_does_not_wait(trained: RunPaths) -> None:
    reported(trained)
    watch = Watch(trained)
    assert watch.look(now=LATER).outcome == "cut off"
    asked(trained)
    assert watch.look(now=LATER).outcome == ""
    told(trained, "promote", "start")
    trained.approval.unlink()
    assert watch.look(now=LATER).outcome == "cut off"


def test_what_may_stand_in_airflows_queue_is_not_called_cut_off(trained: RunPaths) -> None:
    told(trained, "train", variant=ONE)
    finish(trained, "train", ONE)
    assert Watch(trained).look(now=LATER).outcome == "cut off"  # the command line has no queue
    note_start(trained, Starter("ann", "by hand", "manual__1"))
    progress = Watch(trained).look(now=LATER)
    assert progress.outcome == ""
    assert progress.waits_for == "Airflow to begin its next task, as far as is seen here"
    assert says(Watch(trained), "audit", now=LATER).startswith("Waits for Airflow to begin it")
    told(trained, "audit", "start")  # a task that was killed is known to be
    assert Watch(trained).look(now=LATER).outcome == "cut off"


def test_a_run_that_was_deleted_is_gone(trained: RunPaths) -> None:
    watch = Watch(trained)
    assert watch.look(now=BEGAN).outcome == ""
    shutil.rmtree(trained.root)
    assert watch.look(now=BEGAN + 1).outcome == "gone"


def test_a_run_that_changes_nothing_skips_the_rest(run: RunPaths, tmp_path: Path) -> None:
    from tests.space.volume import put_run

    run = put_run(Home(tmp_path), "later", unchanged_since="earlier")
    told(run, "ingest", "start")
    told(run, "ingest")
    progress = Watch(run).look(now=BEGAN)
    assert {task.state for task in progress.tasks if task.name != "promote"} <= {"done", "skipped"}
    assert progress.outcome == "finished"
    assert "earlier" in next(task.says for task in progress.tasks if task.name == "split")


def test_a_damaged_record_is_named_and_the_rest_is_shown(run: RunPaths) -> None:
    told(run, "ingest", "start")
    change_record(run.config, code="another")
    run.config.write_text(run.config.read_text().replace("phantom", "panthom"))
    progress = Watch(run).look(now=BEGAN)
    assert progress.problem.startswith("config.json")
    assert str(run.root) not in progress.problem
    assert states(Watch(run))["ingest"] == "running"


def test_epochs_of_a_present_fit_are_told(trained: RunPaths) -> None:
    told_epochs(trained, range(1, 4))
    watch = Watch(trained)
    task = next(t for t in watch.look(now=BEGAN + 3).tasks if t.name == f"train {ONE}")
    training = task.training
    assert training is not None
    assert (training.epoch, training.n_epochs, training.fit) == (3, 8, "")
    assert training.last is not None
    assert training.last.val_loss == pytest.approx(0.6)
    assert training.fit_until == BEGAN + 3 + 5
    assert training.until is None
