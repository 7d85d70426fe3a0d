"""Word of how a DAG's run ended, to an address that the operator names; silent without one."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from cxr_airflow.tasks import shared_volume
from cxr_tasks.ending import describe_ending

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
        """Tell how the run ended; Airflow logs what goes wrong here, and goes on."""
        dag_run = context.get("dag_run")
        content = describe_ending(
            shared_volume(),
            dag_id=context["dag"].dag_id,
            run_id=context["run_id"],
            conf=(dag_run.conf if dag_run is not None else None) or {},
            state=self.state,
        )
        _post(self.url, content)


def _post(url: str, content: Mapping[str, Any]) -> None:
    """Post without a word about the address, which httpx logs and puts into its errors."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        answer = httpx.post(url, json=content, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as err:
        raise NotToldError(f"{NOTIFY_URL} was not reached: {type(err).__name__}") from None
    if not answer.is_success:
        raise NotToldError(f"{NOTIFY_URL} answered {answer.status_code}")


class NotToldError(Exception):
    """Nobody was told how a run ended; the text names no address."""


def ending_callbacks(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Give a DAG's callbacks for success and failure; none where nothing is configured."""
    url = environ.get(NOTIFY_URL, "").strip()
    if not url:
        return {}
    return {f"on_{state}_callback": WebhookNotifier(url, state) for state in ("success", "failure")}
