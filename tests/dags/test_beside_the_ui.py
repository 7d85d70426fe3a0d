"""`make ui` and a shell beside it: what a person starts in one is left alone by the other."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from cxr_tasks.paths import run_key_from
from cxr_tasks.ui_database import CONNECTION, with_ui_database
from tests.dags.airflow_cli import dags_test
from tests.dags.standalone import Ui, serving_ui

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SMALL = {
    "profile": "quickstart", "phantom_images": 24, "epochs": 1, "weights": "random",
    "variants": ["mobilenetv2_frozen"],
}  # fmt: skip
_RUN_SECONDS = 240


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with serving_ui(tmp_path_factory.mktemp("beside")) as served:
        yield served


@pytest.fixture(scope="module")
def person(ui: Ui) -> Iterator[httpx.Client]:
    """Sign in to Airflow's own API, as the form does."""
    with httpx.Client(base_url=ui.address, timeout=30) as client:
        login = {"username": ui.user, "password": ui.password}
        token = client.post("/auth/token", json=login).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.cookies.set("_token", token)
        yield client


def ended(person: httpx.Client, conf: dict[str, Any]) -> tuple[str, dict[str, str], str]:
    """Trigger a run and wait for its end; give its id, its tasks' states and its own."""
    runs = "/api/v2/dags/cxr_pipeline/dagRuns"
    answer = person.post(runs, json={"logical_date": None, "conf": conf})
    assert answer.is_success, answer.text
    run_id = answer.json()["dag_run_id"]
    deadline = time.monotonic() + _RUN_SECONDS
    while (state := person.get(f"{runs}/{run_id}").json()["state"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(1)
    tasks = person.get(f"{runs}/{run_id}/taskInstances").json()["task_instances"]
    return run_id, {task["task_id"]: task["state"] for task in tasks}, state


def tries(home: Path, database: str) -> dict[str, int]:
    """Count the tries of every task that one of the two databases knows."""
    with closing(sqlite3.connect(home / database)) as connection:
        return dict(connection.execute("select run_id || task_id, try_number from task_instance"))


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
    before = {path: path.stat().st_mtime_ns for path in ui.home.run("named").root.rglob("*")}

    second_id, tasks, state = ended(person, {**SMALL, "run": "named", "seed": 8})
    assert state == "failed"
    assert tasks["start"] == "failed"
    assert not [name for name, ended_as in tasks.items() if ended_as == "success"]
    after = {path: path.stat().st_mtime_ns for path in ui.home.run("named").root.rglob("*")}
    assert after == before
    page = person.get(f"/cxr/cxr_pipeline/{second_id}").text
    assert "This run failed at its start" in page
    assert "seed was 7, now 8" in page
    assert not ui.home.run(run_key_from(second_id)).root.exists()


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
    assert environ == {CONNECTION: f"sqlite:///{tmp_path / 'ui.db'}"}
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
