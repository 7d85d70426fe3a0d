"""A person's approval in Airflow as it is served: asked, answered, kept; and no worker held."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cxr_tasks.champion.approval import answer_approval, report_digest
from cxr_tasks.champion.pointer import history, serving
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.champion.proposal import propose
from cxr_tasks.runs.start import open_run
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import require_record
from tests.champion.drawn_champion import NOW, draw_challenger, draw_champion, refuse_to_score
from tests.dags.airflow_cli import ROOT, dags_test, make_airflow_home, run_python
from tests.dags.standalone import Ui, serving_ui, signed_in
from tests.dags.test_retraining import bright_and_dark
from tests.image_files import make_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RUNS = "/api/v2/dags/cxr_pipeline/dagRuns"
DRAWN = "drawn"
WHY = "looked at every error"
_SECONDS = 800
_READS_SECONDS = 10
"""What a person takes for the question; Airflow may try a task again that is answered at once."""


def settings(folder: Path) -> dict[str, Any]:
    return {
        "source": "folder",
        "data": str(make_files(folder / "data", bright_and_dark())),
        "variants": ["mobilenetv2_frozen"],
        "epochs": 12,
        "weights": "random",
        "allow_shortcut": True,
        "approval": True,
    }


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with serving_ui(tmp_path_factory.mktemp("approval")) as served:
        yield served


@pytest.fixture(scope="module")
def person(ui: Ui) -> Iterator[httpx.Client]:
    with signed_in(ui) as client:
        yield client


def triggered(ui: Ui, person: httpx.Client, *, data: Path) -> "Asking":
    """Trigger a run that is drawn up to its report; go on behind that.

    Its data do not exist, so `ingest` fails; all that the report was made from is then marked as
    done, as a person may do it.
    """
    draw_champion(ui.home.root)
    asking = {"approval": True, "source": "folder", "data": str(data)}
    draw_challenger(ui.home.root, DRAWN, strength=3.9, settings=asking)
    conf = open_run(ui.home, DRAWN)[1].as_dict() | {"run": DRAWN}
    made = person.post(RUNS, json={"logical_date": None, "conf": conf})
    assert made.is_success, made.text
    run = Asking(person, str(made.json()["dag_run_id"]))
    assert run.end() == "failed"
    trainings = [f"train.{name}" for name in VARIANTS]
    for task in ("ingest", "split", "audit", *trainings, "evaluate", "report"):
        address = f"{run.run}/taskInstances/{task}"
        person.patch(address, json={"new_state": "success"}).raise_for_status()
    run.clear("gate")
    return run


def wait_until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(2)
    return found


class Asking:
    """The task `approve` of one run, as a person meets it in the API."""

    def __init__(self, person: httpx.Client, run_id: str) -> None:
        self.person = person
        self.run_id = run_id
        self.run = f"{RUNS}/{run_id}"
        self.details = f"{self.run}/taskInstances/approve/-1/hitlDetails"

    def state(self, task: str) -> str | None:
        found: str | None = self.person.get(f"{self.run}/taskInstances/{task}").json()["state"]
        return found

    def wait(self) -> dict[str, Any]:
        """Wait until a person is asked; give the question."""
        wait_until(lambda: self.state("approve") == "awaiting_input" and not self._answered())
        time.sleep(_READS_SECONDS)
        question: dict[str, Any] = self.person.get(self.details).json()
        return question

    def answer(self, option: str, **params: str) -> None:
        given = {"chosen_options": [option], "params_input": params}
        answer = self.person.patch(self.details, json=given)
        assert answer.is_success, answer.text
        time.sleep(2)  # Airflow answers the request before it has committed what it changed

    def clear(self, task: str) -> None:
        """Let a task and all behind it run again."""
        cleared = {"task_ids": [task], "include_downstream": True, "only_failed": False}
        answer = self.person.post(
            "/api/v2/dags/cxr_pipeline/clearTaskInstances",
            json={**cleared, "dry_run": False, "dag_run_id": self.run_id, "reset_dag_runs": True},
        )
        assert answer.is_success, answer.text

    def end(self) -> str:
        """Wait for the run's end; give its state."""
        ended = ("success", "failed")
        return str(wait_until(lambda: s if (s := self._state_of_run()) in ended else None))

    def _answered(self) -> bool:
        return bool(self.person.get(self.details).json()["response_received"])

    def _state_of_run(self) -> str:
        return str(self.person.get(self.run).json()["state"])


def test_a_person_decides_and_the_history_says_so(
    ui: Ui, person: httpx.Client, tmp_path: Path
) -> None:
    """One long story: asked, answered without a reason, rejected, asked again, approved."""
    asking, run = triggered(ui, person, data=tmp_path), ui.home.run(DRAWN)
    question = asking.wait()
    assert question["subject"] == (
        "Shall MobileNetV2 frozen of run drawn serve, in place of 0001-first?"
    )
    assert report_digest(run) in question["body"]
    assert question["options"] == ["Approve", "Reject"]
    wait_until(lambda: asking.state("track") == "skipped")  # goes on meanwhile
    for pool in person.get("/api/v2/pools").json()["pools"]:
        assert pool["occupied_slots"] == pool["running_slots"] == pool["queued_slots"] == 0
    assert serving(ui.home) == "0001-first"

    asking.answer("Approve", reason="  ")
    asking.wait()
    asking.answer("Reject", reason="not yet")
    assert asking.end() == "success"
    assert (asking.state("approve"), asking.state("promote")) == ("success", "skipped")
    kept = require_record(run.promote, PromotionRecord)
    assert kept.decision == "kept"
    assert "(not yet)" in kept.reason
    assert serving(ui.home) == "0001-first"

    asking.clear("approve")
    asking.wait()
    asking.answer("Approve", reason=WHY)
    assert asking.end() == "success"
    assert asking.state("promote") == "success"
    assert serving(ui.home) == "0002-drawn"
    given = history(ui.home)[-1].approval
    assert given is not None
    assert (given.answer, given.by, given.reason) == ("approved", ui.user, WHY)
    assert given.report_sha256 == report_digest(run)
    done = run_python(["-m", "cxr_tasks", "champion"], ui.shell, expected=0)
    assert f"Approved by {ui.user}" in " ".join(done.stdout.split())


def test_dags_test_waits_for_nobody(tmp_path: Path) -> None:
    environ = make_airflow_home(tmp_path)
    conf = {**settings(tmp_path), "run": "shell"}
    done = dags_test("cxr_pipeline", conf, environ, expected=0)
    assert (done.stdout + done.stderr).count("so they ask nobody") == 2  # by start and by approve
    run = tmp_path / "cxr-home" / "runs" / "shell"
    record = json.loads((run / "promote" / "promote.json").read_text())
    assert record["decision"] == "kept"
    assert "--run shell --ask" in record["reason"]
    approval = ["-m", "cxr_tasks", "approval", "--run", "shell"]
    asked = run_python([*approval, "--ask"], environ, expected=0).stdout
    question = asked.split("--approve ")[1].split()[0]
    run_python([*approval, "--approve", question, "--reason", WHY], environ, expected=0)
    champion = json.loads((tmp_path / "cxr-home" / "champion" / "champion.json").read_text())
    assert champion["version"] == "0001-shell"
    assert champion["history"][0]["approval"]["reason"] == WHY


AGAIN = """
from unittest import mock
from pathlib import Path
from cxr_airflow import approval
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.paths import Home
opened = open_run(Home(Path("{home}")), "first")
task = approval.approval_task("approve")
with mock.patch.multiple(
    approval,
    opened_run=lambda: opened,
    is_dags_test=lambda: False,
    run_command_as_child=lambda *_, **__: print("ASKS"),
):
    for try_number in (2, 1 + task.retries, 2 + task.retries):
        ti = mock.Mock(try_number=try_number, max_tries=1 + task.retries)
        with mock.patch.object(task, "_word_question", lambda _run_id: ""):
            task.execute({{"ti": ti, "run_id": "x"}})
"""
"""The task after a first try and a clear: as the first try since then, and as two retries."""


def test_a_retry_holds_to_the_answer_that_the_try_before_wrote_down(tmp_path: Path) -> None:
    environ = make_airflow_home(tmp_path)
    root = Path(environ["CXR_HOME"])
    draw_challenger(
        root, "first", settings={"approval": True, "source": "folder", "data": str(tmp_path)}
    )
    run, config = open_run(Home(root), "first")
    asked = propose(run, config, score=refuse_to_score, now=NOW, note=print)
    assert asked is not None
    environ |= {"PYTHONPATH": f"{ROOT / 'dags'}:{ROOT}"}
    once = AGAIN.format(home=root)
    assert run_python(["-c", once], environ, expected=0).stdout.count("ASKS") == 3
    answer_approval(run, asked.question, "rejected", by="ann", reason=WHY, now=NOW)
    assert run_python(["-c", once], environ, expected=0).stdout.count("ASKS") == 1


EXPIRE = """
from unittest import mock
from pathlib import Path
from cxr_airflow import approval
from cxr_tasks.runs.start import open_run
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home
opened = open_run(Home(Path("{home}")), "{run}")
task = approval.approval_task("approve")
with mock.patch.object(approval, "opened_run", lambda: opened):
    ti = mock.Mock(xcom_pull=lambda **_: "{question}")
    task.execute_complete({{"ti": ti}}, {{"error": "no response", "error_type": "timeout"}})
"""
"""What the scheduler does to the task when nobody has answered in time."""


def test_without_an_answer_in_time_the_champion_is_kept(tmp_path: Path) -> None:
    environ = make_airflow_home(tmp_path)
    root = Path(environ["CXR_HOME"])
    asking = {"approval": True, "source": "folder", "data": str(tmp_path)}
    draw_challenger(root, "first", settings=asking)
    run, config = open_run(Home(root), "first")
    asked = propose(run, config, score=refuse_to_score, now=NOW, note=print)
    assert asked is not None
    expire = EXPIRE.format(home=root, run="first", question=asked.question)
    environ |= {"PYTHONPATH": f"{ROOT / 'dags'}:{ROOT}", "CXR_APPROVAL_TIMEOUT_HOURS": "0.5"}
    run_python(["-c", expire], environ, expected=0)
    run_python(["-m", "cxr_tasks", "promote", "--run", "first"], environ, expected=0)
    record = require_record(run.promote, PromotionRecord)
    assert record.decision == "kept"
    assert record.approval is not None
    assert (record.approval.answer, record.approval.by) == ("expired", None)
    assert record.approval.reason == "no answer within 0.5 hours"
    assert serving(run.home) is None
