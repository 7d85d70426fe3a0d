"""A run of the DAG that its first tasks refuse: red, and nothing of any run is touched."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.dags.airflow_cli import ROOT, dags_test, run_python
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

AFTER_SPLIT = ("evaluate", "report", "gate", "promote")
_STOP_SECONDS = 200


@pytest.fixture
def finished(airflow_environ: dict[str, str], tmp_path: Path) -> tuple[RunPaths, RunConfig]:
    """Draw a run with a report on the volume of the DAG, under a name of its own."""
    home = Home(Path(airflow_environ["CXR_HOME"]))
    key = tmp_path.name.replace("_", "-")
    run, config = draw_run(
        home.root, Drawing(n_images=48), key=key, source="folder", data=str(tmp_path)
    )
    finish_report(run, config)
    return run, config


def contents(run: RunPaths) -> dict[Path, tuple[int, int]]:
    """Give every file and folder of a run, with its size and when it was changed."""
    found = [run.root, *run.root.rglob("*")]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


def last_states(environ: dict[str, str]) -> dict[str, str]:
    """Give the states of the tasks of the newest run that Airflow knows."""
    query = (
        "select task_id, state from task_instance where run_id = "
        "(select run_id from dag_run order by id desc limit 1)"
    )
    with closing(sqlite3.connect(Path(environ["AIRFLOW_HOME"]) / "airflow.db")) as database:
        return dict(database.execute(query))


def last_error(done: subprocess.CompletedProcess[str]) -> str:
    told = re.findall(r"^[\w.]+(?:Error|Exception): (.*)$", done.stdout + done.stderr, re.M)
    return str(told[-1])


@pytest.mark.slow
def test_other_settings_under_a_name_that_exists_touch_nothing(
    airflow_environ: dict[str, str], finished: tuple[RunPaths, RunConfig]
) -> None:
    run, config = finished
    before = contents(run)
    conf = config.as_dict() | {"run": run.key, "epochs": 99}
    done = dags_test("cxr_pipeline", conf, airflow_environ, expected=1)
    assert last_error(done).startswith(f"The run '{run.key}' exists with other settings: epochs")
    states = last_states(airflow_environ)
    assert states["start"] == "failed"
    assert set(states.values()) <= {"failed", "upstream_failed", "skipped"}
    assert contents(run) == before


@pytest.mark.slow
def test_what_an_earlier_run_left_is_not_judged_where_ingestion_fails(
    airflow_environ: dict[str, str], finished: tuple[RunPaths, RunConfig]
) -> None:
    """The same name and settings, but the folder of its images is empty by now."""
    run, config = finished
    before = contents(run)
    conf = config.as_dict() | {"run": run.key}
    done = dags_test("cxr_pipeline", conf, airflow_environ, expected=1)
    states = last_states(airflow_environ)
    assert (states["start"], states["ingest"]) == ("success", "failed")
    assert {states[name] for name in AFTER_SPLIT} <= {"upstream_failed", "skipped"}
    assert last_error(done) in read_json(run.error("ingest"))["message"]
    of_ingestion = {run.root, run.config, run.starts, run.progress, run.error("ingest")}
    changed = {path for path, stamp in contents(run).items() if before.get(path) != stamp}
    assert changed <= of_ingestion


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "../up", "a b"])
def test_a_name_that_can_be_none_is_refused_by_start(
    airflow_environ: dict[str, str], name: str
) -> None:
    before = sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*"))
    done = dags_test("cxr_pipeline", {"run": name}, airflow_environ, expected=1)
    assert last_error(done) == f"The run name {name!r} cannot be used."
    assert sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", [5, ["a"]])
def test_a_name_that_is_no_text_is_refused_before_any_task(
    airflow_environ: dict[str, str], name: object
) -> None:
    before = sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*"))
    done = dags_test("cxr_pipeline", {"run": name}, airflow_environ, expected=1)
    assert "Invalid input for param run" in last_error(done)
    assert sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("task", ["split", "train.vanilla_cnn", "gate", "promote"])
def test_a_task_whose_start_has_opened_nothing_does_nothing(
    airflow_environ: dict[str, str], task: str
) -> None:
    """As a single task that is tried out: its run has no `start` behind it."""
    before = sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*"))
    arguments = ["-m", "airflow", "tasks", "test", "cxr_pipeline", task]
    told = run_python(arguments, airflow_environ, expected=0)  # Airflow's own, whatever it says
    assert "The task start of this DAG run has opened no run." in told.stdout + told.stderr
    assert "new_state=failed" in told.stdout + told.stderr
    assert sorted(Path(airflow_environ["CXR_HOME"]).glob("runs/*")) == before


@pytest.mark.slow
def test_make_run_ends_with_the_first_cause(
    airflow_environ: dict[str, str], tmp_path: Path
) -> None:
    """No image is there: not that variants, audit and report are missing."""
    (tmp_path / "COVID").mkdir()
    flags = ["--source=folder", f"--data={tmp_path}", "--run=empty-folder"]
    command = ["-m", "cxr_tasks", "run", "--airflow", *flags]
    done = run_python(command, airflow_environ, expected=2)
    failure = read_json(Home(Path(airflow_environ["CXR_HOME"])).run("empty-folder").error("ingest"))
    assert done.stderr.rstrip().endswith(failure["message"])
    assert "ended without" not in done.stderr


@pytest.mark.slow
def test_a_task_that_takes_too_long_is_ended_and_says_so(airflow_environ: dict[str, str]) -> None:
    environ = airflow_environ | {"CXR_TASK_TIMEOUT_HOURS": "0.0008"}
    conf = {"run": "too-long", "phantom_images": 5000}
    dags_test("cxr_pipeline", conf, environ, expected=1)
    run = Home(Path(environ["CXR_HOME"])).run("too-long")
    told = read_json(run.error("ingest"))
    assert told["message"].startswith("Ended from outside by AirflowTaskTimeout")
    assert not told["stopped"]
    states = last_states(environ)
    assert (states["ingest"], states["split"]) == ("failed", "upstream_failed")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["terminal", "kill", "make run"])
def test_a_run_that_a_person_stops_ends_at_once_and_says_stopped(
    airflow_environ: dict[str, str], how: str
) -> None:
    """Ctrl-C reaches the whole group, `kill` one process: Airflow would go on with a next try."""
    run = Home(Path(airflow_environ["CXR_HOME"])).run(f"stopped-{how.replace(' ', '-')}")
    process = _begin(run, airflow_environ, through_make=how == "make run")
    try:
        until = time.monotonic() + _STOP_SECONDS
        while not (run.progress.exists() and "synthetic radiographs" in run.progress.read_text()):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        time.sleep(1)
        if how == "terminal":
            _signal_group(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(_STOP_SECONDS) == 130
    finally:
        _signal_group(process.pid, signal.SIGKILL)
    told = read_json(run.error("ingest"))
    assert (told["stopped"], told["message"].split(".")[0]) == (True, "Stopped")
    last = json.loads(run.progress.read_text().splitlines()[-1])
    assert (last["stage"], last["kind"]) == ("ingest", "stopped")


def _begin(
    run: RunPaths, environ: dict[str, str], *, through_make: bool
) -> "subprocess.Popen[bytes]":
    if through_make:
        command = ["cxr_tasks", "run", "--airflow", "--run", run.key, "--phantom-images", "5000"]
    else:
        conf = json.dumps({"run": run.key, "phantom_images": 5000})
        command = ["airflow", "dags", "test", "cxr_pipeline", "--conf", conf]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=ROOT,
        env=environ,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
