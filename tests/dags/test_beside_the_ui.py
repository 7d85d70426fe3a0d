"""`make ui` and a shell beside it: what a person starts in one is left alone by the other."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cxr_tasks.flow.airflow_ui import CONNECTION, with_ui_database
from cxr_tasks.runs.start import open_run, read_config, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.site.again import form_of_run
from cxr_tasks.volume.paths import RunPaths, run_key_from
from tests.dags.airflow_cli import dags_test
from tests.dags.standalone import Ui, serving_ui, signed_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SMALL = {
    "profile": "quickstart",
    "phantom_images": 24,
    "epochs": 1,
    "weights": "random",
    "variants": ["mobilenetv2_frozen"],
}
RUNS = "/api/v2/dags/cxr_pipeline/dagRuns"
_RUN_SECONDS = 240


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with serving_ui(tmp_path_factory.mktemp("beside")) as served:
        yield served


@pytest.fixture(scope="module")
def person(ui: Ui) -> Iterator[httpx.Client]:
    with signed_in(ui) as client:
        yield client


def ended(person: httpx.Client, conf: dict[str, Any]) -> tuple[str, dict[str, str], str]:
    """Trigger a run and wait for its end; give its id, its tasks' states and its own."""
    answer = person.post(RUNS, json={"logical_date": None, "conf": conf})
    assert answer.is_success, answer.text
    run_id = str(answer.json()["dag_run_id"])
    return run_id, *end_of(person, run_id)


def end_of(person: httpx.Client, run_id: str) -> tuple[dict[str, str], str]:
    """Wait for a run's end; give its tasks' states and its own."""
    deadline = time.monotonic() + _RUN_SECONDS
    while (state := person.get(f"{RUNS}/{run_id}").json()["state"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(1)
    tasks = person.get(f"{RUNS}/{run_id}/taskInstances").json()["task_instances"]
    return {task["task_id"]: task["state"] for task in tasks}, state


def clear(person: httpx.Client, run_id: str, task: str) -> None:
    """Clear one task alone."""
    asked = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [task],
        "only_failed": False,
        "reset_dag_runs": True,
        "include_downstream": False,
    }
    answer = person.post("/api/v2/dags/cxr_pipeline/clearTaskInstances", json=asked)
    assert answer.is_success, answer.text


def stamps(run: RunPaths) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.root.rglob("*")}


def tries(home: Path, database: str) -> dict[str, int]:
    """Count the tries of every task that one of the two databases knows."""
    with closing(sqlite3.connect(home / database)) as connection:
        return dict(connection.execute("select run_id || task_id, try_number from task_instance"))


def listening() -> set[str]:
    """Find the addresses on which the processes listen that these tests have started."""
    addresses = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            sockets = process.net_connections(kind="inet")
            addresses |= {each.laddr.ip for each in sockets if each.status == "LISTEN"}
    return addresses


def test_only_this_machine_reaches_what_the_ui_opens(ui: Ui) -> None:
    assert ui.address.startswith("http://127.0.0.1:")
    assert listening() == {"127.0.0.1"}


def test_a_run_of_the_shell_is_its_own_alone(ui: Ui) -> None:
    done = dags_test("cxr_pipeline", {**SMALL, "run": "shell"}, ui.shell, expected=0)
    assert "SIGTERM" not in done.stdout + done.stderr
    home = Path(ui.shell["AIRFLOW_HOME"])
    assert set(tries(home, "airflow.db").values()) <= {0, 1}
    assert tries(home, "ui.db") == {}
    events = (ui.home.run("shell").progress).read_text().splitlines()
    begun = [event["stage"] for event in map(json.loads, events) if event["kind"] == "start"]
    assert len(begun) == len(set(begun))


def test_a_refused_run_shows_its_own_refusal_in_the_tab(ui: Ui, person: httpx.Client) -> None:
    """Two runs of one name: what is asked for secondly is refused, and looks like nothing else."""
    first_id, _, state = ended(person, {**SMALL, "run": "named", "seed": 7})
    assert state == "success"
    assert "Chest X-ray classifiers" in person.get(f"/cxr/cxr_pipeline/{first_id}").text
    before = stamps(ui.home.run("named"))

    second_id, tasks, state = ended(person, {**SMALL, "run": "named", "seed": 8})
    assert state == "failed"
    assert tasks["start"] == "failed"
    assert not [name for name, ended_as in tasks.items() if ended_as == "success"]
    page = person.get(f"/cxr/cxr_pipeline/{second_id}").text
    assert "This run failed at its start" in page
    assert "seed was 7, now 8" in page
    assert not ui.home.run(run_key_from(second_id)).root.exists()
    for task in ("evaluate", "report", "promote"):
        clear(person, second_id, task)
        tasks, state = end_of(person, second_id)
        assert state == "failed"
        assert not [name for name, ended_as in tasks.items() if ended_as == "success"]
    assert stamps(ui.home.run("named")) == before


def test_a_run_is_started_again_with_changes(ui: Ui, person: httpx.Client) -> None:
    """By the form that is filled as an earlier run was, of which nothing else changes."""
    earlier = start_run(make_config({**SMALL, "seed": 3}), ui.home, "before", note=lambda _: None)
    form = {**form_of_run(earlier), "seed": ["4"], "run": ["after"]}
    sent = person.post(
        "/cxr/again/before",
        data=form,
        headers={"Sec-Fetch-Site": "same-origin"},
        follow_redirects=False,
    )
    assert sent.status_code == 303, sent.text
    run_id = sent.headers["location"].rsplit("/", 1)[1]
    assert sent.headers["location"] == f"/cxr/cxr_pipeline/{run_id}"
    made = person.get(f"{RUNS}/{run_id}").json()
    assert made["conf"]["seed"] == 4
    assert (made["run_type"], made["triggering_user_name"]) == ("manual", ui.user)
    tasks, state = end_of(person, run_id)
    assert (tasks["start"], tasks["report"], state) == ("success", "success", "success")
    _, config = open_run(ui.home, "after")
    assert config.as_dict() == read_config(earlier).as_dict() | {"seed": 4}


def test_a_run_that_no_person_filled_in_a_form_for_is_held_to_the_operators_rule(
    person: httpx.Client,
) -> None:
    """Materialising an asset begins a run with the defaults, as a schedule and a backfill do."""
    assets = person.get("/api/v2/assets").json()["assets"]
    champion = next(asset["id"] for asset in assets if asset["name"] == "cxr_champion")
    run = person.post(f"/api/v2/assets/{champion}/materialize", json={}).json()
    assert run["run_type"] == "asset_materialization"
    tasks, state = end_of(person, run["dag_run_id"])
    assert (tasks["start"], state) == ("failed", "failed")
    page = person.get(f"/cxr/cxr_pipeline/{run['dag_run_id']}").text
    assert "scheduled runs would use synthetic images" in page


def test_the_ui_begins_with_what_the_shell_had_and_ends_what_is_the_shells(
    ui: Ui, tmp_path: Path
) -> None:
    """An interrupted `dags test` stands there as running for ever: no scheduler may take it up."""
    shells = Path(ui.shell["AIRFLOW_HOME"]) / "airflow.db"
    with (
        closing(sqlite3.connect(shells)) as source,
        closing(sqlite3.connect(tmp_path / "airflow.db")) as interrupted,
    ):
        source.backup(interrupted)
        with interrupted:
            interrupted.execute("update dag_run set state = 'running'")
            interrupted.execute("update task_instance set state = 'running'")
    environ = with_ui_database({}, tmp_path)
    assert environ == {CONNECTION: f"sqlite:///{tmp_path / 'ui.db'}?timeout=60"}
    with closing(sqlite3.connect(tmp_path / "ui.db")) as copied:
        assert set(copied.execute("select state from dag_run")) == {("failed",)}
        assert set(copied.execute("select state from task_instance")) == {("failed",)}
        pools = dict(copied.execute("select pool, slots from slot_pool"))
    assert pools["training"] >= 1
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as kept:
        assert set(kept.execute("select state from dag_run")) == {("running",)}


def test_a_database_that_a_person_has_named_holds_for_all(ui: Ui, tmp_path: Path) -> None:
    named = {**ui.shell, CONNECTION: "postgresql://somewhere/airflow"}
    assert with_ui_database(named, Path(ui.shell["AIRFLOW_HOME"])) == named
    assert with_ui_database({}, tmp_path) == {}
