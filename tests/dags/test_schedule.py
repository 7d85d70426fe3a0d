"""What starts the DAGs, as Airflow reads it from the operator's environment."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dags.airflow_cli import run_python

DESCRIBE = """
import json
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
bag = BundleDagBag("dags", bundle_path=Path("dags").absolute())
print(json.dumps({
    "errors": {key.rsplit("/", 1)[-1]: told for key, told in bag.import_errors.items()},
    "dags": {
        dag.dag_id: {
            "schedule": str(dag.schedule),
            "defaults": dict(dag.params.dump()),
            "outlets": {t.task_id: [o.name for o in t.outlets] for t in dag.tasks if t.outlets},
            "run_hours": dag.dagrun_timeout.total_seconds() / 3600,
            "hours": max(t.execution_timeout.total_seconds() / 3600 for t in dag.tasks),
            "notified": bool(dag.on_failure_callback and dag.on_success_callback),
            "executor_config": {t.task_id: t.executor_config for t in dag.tasks},
        }
        for dag in bag.dags.values()
    },
}))
"""


def described(environ: dict[str, str], **added: str) -> dict[str, Any]:
    done = run_python(["-c", DESCRIBE], environ | added, expected=0)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def by_default(airflow_environ: dict[str, str]) -> dict[str, Any]:
    told = described(airflow_environ)
    assert told["errors"] == {}
    dags: dict[str, Any] = told["dags"]
    return dags


@pytest.fixture
def real_defaults(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "defaults.toml"
    path.write_text('profile = "honest"\nsource = "folder"\ndata = "/x-rays"\n')
    return {"CXR_DEFAULTS": str(path)}


def test_the_dags_wait_for_assets_or_a_person(by_default: dict[str, Any]) -> None:
    schedules = {name: dag["schedule"] for name, dag in by_default.items()}
    assert set(schedules) == {"cxr_pipeline", "cxr_score", "cxr_tidy", "cxr_watch"}
    assert "cxr_images" in schedules["cxr_pipeline"]
    assert "cxr_champion" in schedules["cxr_score"]
    assert schedules["cxr_watch"] == schedules["cxr_tidy"] == "None"


def test_the_pipeline_cannot_start_itself(by_default: dict[str, Any]) -> None:
    assert by_default["cxr_pipeline"]["outlets"] == {"promote": ["cxr_champion"]}
    assert by_default["cxr_watch"]["outlets"] == {"look": ["cxr_images"]}


def test_nobody_is_notified_and_no_pod_named_unless_asked(by_default: dict[str, Any]) -> None:
    assert not any(dag["notified"] for dag in by_default.values())
    assert not any(by_default["cxr_pipeline"]["executor_config"].values())


def test_the_operators_environment_is_followed(
    airflow_environ: dict[str, str], real_defaults: dict[str, str]
) -> None:
    told = described(
        airflow_environ,
        **real_defaults,
        CXR_SCHEDULE="0 3 * * 0",
        CXR_WATCH_SCHEDULE="@hourly",
        CXR_TIDY_SCHEDULE="0 5 * * *",
        CXR_NOTIFY_URL="http://localhost:9/",
        CXR_TRAINING_POD_TEMPLATE="/pods/training.yaml",
        CXR_TASK_TIMEOUT_HOURS="0.5",
        CXR_TRAINING_TIMEOUT_HOURS="300",
        CXR_RUN_TIMEOUT_HOURS="1000",
    )
    assert told["errors"] == {}
    pipeline, watch = told["dags"]["cxr_pipeline"], told["dags"]["cxr_watch"]
    assert "0 3 * * 0" in pipeline["schedule"]
    assert "cxr_images" in pipeline["schedule"]
    assert "0 * * * *" in watch["schedule"]
    assert "0 5 * * *" in told["dags"]["cxr_tidy"]["schedule"]
    assert pipeline["defaults"]["profile"] == "honest"
    assert all(dag["notified"] for dag in told["dags"].values())
    assert {dag["run_hours"] for dag in told["dags"].values()} == {1000}
    assert (pipeline["hours"], watch["hours"]) == (300, 0.5)
    pods = {name for name, config in pipeline["executor_config"].items() if config}
    assert len(pods) == 4
    assert all(name.startswith("train.") for name in pods)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ({"CXR_SCHEDULE": "at three"}, "CXR_SCHEDULE='at three' is no schedule"),
        ({"CXR_RUN_TIMEOUT_HOURS": "nan"}, "CXR_RUN_TIMEOUT_HOURS='nan' is no time limit"),
        pytest.param(
            {"CXR_SCHEDULE": "@daily", "CXR_DEFAULTS": ""},
            "would use synthetic images",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"CXR_TASK_TIMEOUT_HOURS": "a day"},
            "CXR_TASK_TIMEOUT_HOURS='a day' is no time limit",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"CXR_TRAINING_TIMEOUT_HOURS": "0"},
            "CXR_TRAINING_TIMEOUT_HOURS='0' is no time limit",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"CXR_DEFAULTS": "/no/such/file.toml"},
            "/no/such/file.toml cannot be read",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_mistake_of_the_operator_is_told_where_dags_are_read(
    airflow_environ: dict[str, str], real_defaults: dict[str, str], added: dict[str, str], told: str
) -> None:
    errors = described(airflow_environ, **(real_defaults | added))["errors"]
    assert told in errors["cxr_pipeline.py"]
