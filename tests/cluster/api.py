"""Airflow's REST API as a person's script uses it: signed in with a name and a password."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

_DAG = "/api/v2/dags/cxr_pipeline"
_KNOWN_SECONDS = 120


@contextmanager
def signed_in(address: str, *, user: str, password: str) -> Iterator["Api"]:
    """Sign in as a person would, and give a client for the rest."""
    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/auth/token", json={"username": user, "password": password})
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield Api(client)


class Api:
    """A signed-in client of one API server."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def wait_until_known(self) -> None:
        """Wait until the DAG processor has read the DAG."""
        deadline = time.monotonic() + _KNOWN_SECONDS
        while (answer := self._client.get(_DAG)).status_code == httpx.codes.NOT_FOUND:
            assert time.monotonic() < deadline, "the DAG was not found"
            time.sleep(1)
        answer.raise_for_status()

    def trigger(self, run_id: str, conf: Mapping[str, Any]) -> None:
        """Start a run of the DAG."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self._client.post(f"{_DAG}/dagRuns", json=body).raise_for_status()

    def stop(self, run_id: str) -> None:
        """Mark a run as failed, which stops its tasks: what the UI's button does."""
        body = {"state": "failed"}
        self._client.patch(f"{_DAG}/dagRuns/{run_id}", json=body).raise_for_status()

    def go_on(self, run_id: str) -> None:
        """Clear all tasks of a run: those that had not begun count as skipped, not as failed."""
        body = {"dry_run": False, "only_failed": False}
        self._client.post(f"{_DAG}/dagRuns/{run_id}/clear", json=body).raise_for_status()

    def state(self, run_id: str) -> str:
        """Give a run's state."""
        return str(self._get(f"{_DAG}/dagRuns/{run_id}")["state"])

    def tasks(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Give the task instances of a run."""
        found = self._get(f"{_DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def page(self, path: str) -> str:
        """Give the text of a page, such as one of the plugin's."""
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.text

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._client.get(path)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content
