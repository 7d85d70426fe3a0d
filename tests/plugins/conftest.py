"""Airflow's own app, with its own sign-in, in this process."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cxr_tasks.volume.paths import Home
from tests.dags.airflow_cli import copy_database

ROOT = Path(__file__).parents[2]
RUN_ID = "manual__2026-01-31T03:00:00+00:00"
SECRET = "for the tests alone, " * 4


@dataclass(frozen=True)
class Airflow:
    """Airflow's app, and the shared volume that the plugin reads.

    Attributes:
        client: Gives a client of the app for a user, or for nobody.
        add_run: Makes Airflow know a run: (dag_id, run_id, state, conf).
        add_task: Makes it know a task of a run: (dag_id, run_id, task_id, state).
    """

    app: Any
    home: Home
    client: Callable[[str | None], Any]
    add_run: Callable[..., None]
    add_task: Callable[[str, str, str, str], None]


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Make Airflow's app with the plugin in it; users admin, viewer and nobody, who has no role."""
    assert "airflow" not in sys.modules, "another test has imported Airflow, with another home"
    folder = tmp_path_factory.mktemp("airflow")
    environ = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,nobody:",
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
        "AIRFLOW__API__SECRET_KEY": SECRET,
        "CXR_HOME": str(folder / "cxr-home"),
    }
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in environ.items():
            patch.setenv(name, value)
        copy_database(folder, os.environ)
        yield _make_airflow(Home(folder / "cxr-home"))


def _make_airflow(home: Home) -> Airflow:
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType
    from sqlalchemy import insert
    from starlette.testclient import TestClient

    app = create_app(apps="core")
    roles = {"admin": "admin", "viewer": "viewer", "nobody": ""}

    def client(user: str | None) -> Any:
        if user is None:
            return TestClient(app, follow_redirects=False)
        token = get_auth_manager().generate_jwt(
            SimpleAuthManagerUser(username=user, role=roles[user])
        )
        return TestClient(app, follow_redirects=False, cookies={"_token": token})

    def add_run(dag_id: str, run_id: str, state: str, conf: dict[str, Any] | None = None) -> None:
        with create_session() as session:
            run = DagRun(dag_id=dag_id, run_id=run_id, run_type=DagRunType.MANUAL)
            run.state, run.conf = DagRunState(state), conf or {}
            session.add(run)

    def add_task(dag_id: str, run_id: str, task_id: str, state: str) -> None:
        values = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "state": state}
        with create_session() as session:
            session.execute(insert(TaskInstance).values(id=uuid4(), pool="default_pool", **values))

    return Airflow(app, home, client, add_run, add_task)
