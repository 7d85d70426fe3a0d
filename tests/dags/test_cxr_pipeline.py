"""The DAG: its shape, and real runs of it through `airflow dags test`."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_tasks.machine.devices import POOL
from cxr_tasks.variants import VARIANTS
from tests.dags.airflow_cli import dags_test, run_python
from tests.failing_variant import failing_environ

SMALL = {"profile": "quickstart", "phantom_images": 48, "epochs": 2, "weights": "random"}

DESCRIBE = """
import json
import re
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
bag = BundleDagBag("dags", bundle_path=Path("dags").absolute())
dag = bag.dags.get("cxr_pipeline")
tasks = {
    task.task_id: {
        "downstream": sorted(task.downstream_task_ids), "pool": task.pool,
        "retries": task.retries, "rule": task.trigger_rule.value,
        "hours": task.execution_timeout.total_seconds() / 3600,
    }
    for task in (dag.tasks if dag else [])
}
print(json.dumps({"errors": {str(k): v for k, v in bag.import_errors.items()}, "tasks": tasks}))
"""


@pytest.fixture(scope="session")
def tasks(airflow_environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    done = run_python(["-c", DESCRIBE], airflow_environ, expected=0)
    described = json.loads(done.stdout.splitlines()[-1])
    assert described["errors"] == {}
    found: dict[str, dict[str, Any]] = described["tasks"]
    return found


def test_tasks_are_wired_as_designed(tasks: dict[str, dict[str, Any]]) -> None:
    trainings = [f"train.{name}" for name in VARIANTS]
    order = {name: facts["downstream"] for name, facts in tasks.items()}
    assert order == {
        "start": ["ingest"],
        "ingest": ["split"],
        "split": sorted(["audit", "gate", *trainings]),
        "audit": ["evaluate", "gate"],
        **{name: ["evaluate", "gate"] for name in trainings},
        "evaluate": ["report"],
        "report": ["gate", "track"],
        "gate": ["approve", "track"],
        "approve": ["promote"],
        "promote": ["publish"],
        "publish": [],
        "track": [],
    }


def test_trainings_wait_in_the_pool_and_are_retried(tasks: dict[str, dict[str, Any]]) -> None:
    for name in VARIANTS:
        assert (tasks[f"train.{name}"]["pool"], tasks[f"train.{name}"]["retries"]) == (POOL, 2)


def test_only_evaluation_and_tracking_go_on_where_something_has_failed(
    tasks: dict[str, dict[str, Any]],
) -> None:
    rules = {name: facts["rule"] for name, facts in tasks.items()}
    assert {rules.pop("evaluate"), rules.pop("track")} == {"all_done"}
    assert rules.pop("gate") == "none_failed_min_one_success"
    assert rules.pop("publish") == "none_failed"
    assert set(rules.values()) == {"all_success"}


def test_every_task_has_a_time_limit(tasks: dict[str, dict[str, Any]]) -> None:
    hours = {name: facts["hours"] for name, facts in tasks.items()}
    assert {hours.pop(f"train.{name}") for name in VARIANTS} == {144}
    assert set(hours.values()) == {24}


@pytest.mark.slow
def test_unknown_setting_fails_in_the_first_task(airflow_environ: dict[str, str]) -> None:
    done = dags_test(
        "cxr_pipeline", {**SMALL, "run": "unknown", "epoch": 3}, airflow_environ, expected=1
    )
    assert "Unknown setting: 'epoch'" in done.stdout + done.stderr
    assert not (Path(airflow_environ["CXR_HOME"]) / "runs" / "unknown" / "config.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conf", "told"),
    [
        ({"prevalence": 10}, "It is a fraction: 0.1 is 10 %. Allowed: 0.0001 to 0.9999."),
        ({"kaggle_dataset": "o/s"}, "kaggle_dataset='o/s' with source='phantom' has no effect."),
    ],
)
def test_what_the_form_lets_pass_fails_in_the_first_task(
    conf: dict[str, Any], told: str, airflow_environ: dict[str, str]
) -> None:
    name = next(iter(conf)).replace("_", "-")
    done = dags_test("cxr_pipeline", {**SMALL, "run": name, **conf}, airflow_environ, expected=1)
    assert told in done.stdout + done.stderr
    assert not (Path(airflow_environ["CXR_HOME"]) / "runs" / name / "config.json").exists()


@pytest.mark.slow
def test_variants_that_are_not_selected_wait_for_no_slot(airflow_environ: dict[str, str]) -> None:
    conf = {**SMALL, "run": "frozen-only", "variants": ["mobilenetv2_frozen"]}
    dags_test("cxr_pipeline", conf, airflow_environ, expected=0)
    query = "select i.task_id, i.try_number from task_instance i join dag_run r using (run_id) "
    with sqlite3.connect(Path(airflow_environ["AIRFLOW_HOME"]) / "airflow.db") as database:
        tries = dict(database.execute(query + "where r.conf like '%frozen-only%'"))
    assert {name: n for name, n in tries.items() if name.startswith("train.")} == {
        f"train.{name}": int(name == "mobilenetv2_frozen") for name in VARIANTS
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_failed_variant_is_reported_and_its_retry_completes_the_run(
    airflow_environ: dict[str, str], tmp_path: Path
) -> None:
    """One long story: three of four, the same run made whole, again, and without the DAG."""
    run = Path(airflow_environ["CXR_HOME"]) / "runs" / "story"
    failing = failing_environ(airflow_environ, "mobilenetv2_partial", tmp_path / "failing")
    done = dags_test("cxr_pipeline", {**SMALL, "run": "story"}, failing, expected=1)
    log = done.stdout + done.stderr
    assert "profile quickstart, chosen beside it: phantom_images=48" in log
    assert re.search(r"vanilla_cnn: epoch 1/2, at most .* left: loss [\d.]+, val_loss [\d.]+", log)
    variants = json.loads((run / "report" / "report.json").read_text())["variants"]
    assert {name: facts["status"] for name, facts in variants.items()} == {
        name: "failed" if name == "mobilenetv2_partial" else "ok" for name in VARIANTS
    }
    assert "was made to fail" in variants["mobilenetv2_partial"]["error"]
    assert "was made to fail" in (run / "report" / "index.html").read_text()
    first_models = {path: path.stat().st_mtime_ns for path in run.glob("train/*/model.keras")}

    dags_test("cxr_pipeline", {**SMALL, "run": "story"}, airflow_environ, expected=0)
    variants = json.loads((run / "report" / "report.json").read_text())["variants"]
    assert {facts["status"] for facts in variants.values()} == {"ok"}
    assert all(path.stat().st_mtime_ns == before for path, before in first_models.items())
    assert "was made to fail" not in (run / "report" / "index.html").read_text()

    _nothing_is_done_twice(airflow_environ)
    _same_numbers_without_airflow(run, variants, airflow_environ)


def _nothing_is_done_twice(environ: dict[str, str]) -> None:
    done = dags_test("cxr_pipeline", {**SMALL, "run": "again"}, environ, expected=0)
    assert "Nothing has changed since 'story': the same images" in done.stdout + done.stderr
    assert not (Path(environ["CXR_HOME"]) / "runs" / "again" / "split").exists()


def _same_numbers_without_airflow(
    run: Path, variants: dict[str, dict[str, Any]], environ: dict[str, str]
) -> None:
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in SMALL.items()]
    chosen = "mobilenetv2_frozen,mobilenetv2_partial"
    command = ["-m", "cxr_tasks", "run", "--run", "direct", f"--variants={chosen}", *flags]
    run_python(command, environ, expected=0)
    direct = run.parent / "direct"
    for name in chosen.split(","):
        through_dag, alone = (
            pd.read_csv(folder / "train" / name / "history.csv").drop(columns="seconds")
            for folder in (run, direct)
        )
        assert through_dag.equals(alone)
    alone_variants = json.loads((direct / "report" / "report.json").read_text())["variants"]
    assert alone_variants["vanilla_cnn"]["status"] == "skipped"
    for key in ("train_loss", "val_loss", "val_accuracy"):
        assert alone_variants["mobilenetv2_partial"][key] == variants["mobilenetv2_partial"][key]
