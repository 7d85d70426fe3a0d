"""Notification of how a DAG's run ended, posted to the address that the operator names."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from cxr_airflow.tasks import REFUSAL, START, shared_volume
from cxr_tasks.flow.result import describe_result

NOTIFY_URL = "CXR_NOTIFY_URL"
"""Environment variable: where a JSON object with `text` and the facts is posted to."""

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class WebhookNotifier:
    """Posts a JSON object; chat services with incoming webhooks show its `text`.

    The address is a secret: whoever knows it may post. Airflow logs callbacks and what they raise.

    No subclass of Airflow's `BaseNotifier`: that renders templates, which the DAG that
    `airflow dags test` gives its callbacks cannot.
    """

    url: str = field(repr=False)
    state: str

    def __call__(self, context: Mapping[str, Any]) -> None:
        """Post how the run ended; Airflow logs what goes wrong here, and goes on."""
        content = describe_result(
            shared_volume(),
            dag_id=context["dag"].dag_id,
            run_id=context["run_id"],
            state=self.state,
            started=_left_by_start(context, "return_value"),
            refusal=_left_by_start(context, REFUSAL) or "",
        )
        _post(self.url, content)


def _left_by_start(context: Mapping[str, Any], key: str) -> Any:
    """Read an XCom of the task `start` of this run; None where there is none, or no such task."""
    task_instance = context.get("ti")
    if task_instance is None or START not in context["dag"].task_ids:
        return None
    try:
        return task_instance.xcom_pull(task_ids=START, key=key)
    except ImportError:  # `dags test` calls back outside of any task, in reach of its database
        return _in_database(task_instance.dag_id, task_instance.run_id, key)


def _in_database(dag_id: str, run_id: str, key: str) -> Any:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(run_id=run_id, key=key, task_ids=START, dag_ids=dag_id)
    with create_session() as session:
        found = session.scalars(query).first()
        return XComModel.deserialize_value(found) if found else None


def _post(url: str, content: Mapping[str, Any]) -> None:
    """Post without a word about the address, which httpx logs and puts into its errors."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        answer = httpx.post(url, json=content, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as err:
        raise NotificationError(f"{NOTIFY_URL} was not reached: {type(err).__name__}") from None
    if not answer.is_success:
        raise NotificationError(f"{NOTIFY_URL} answered {answer.status_code}")


class NotificationError(Exception):
    """Nobody was notified of how a run ended; the text names no address."""


def notifications(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a DAG's callbacks for success and failure; none where nothing is configured."""
    url = environ.get(NOTIFY_URL, "").strip()
    if not url:
        return {}
    return {f"on_{state}_callback": WebhookNotifier(url, state) for state in ("success", "failure")}
