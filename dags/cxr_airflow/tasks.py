"""How the DAGs' tasks work: each starts a child process, and fails for good where a retry fails."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from cxr_tasks.errors import CxrError
from cxr_tasks.form import RUN_NAME
from cxr_tasks.paths import Home, RunPaths, run_key_from
from cxr_tasks.process import StageError, run_command, run_stage
from cxr_tasks.progress import level_of
from cxr_tasks.sources.kaggle import credentials_environment

KAGGLE_CONNECTION = "kaggle_default"

RETRIES, RETRY_DELAY = 2, timedelta(seconds=10)
"""Of every task that does work; the project's own errors are not retried all the same."""

log = logging.getLogger(__name__)


def shared_volume(environ: Mapping[str, str] = os.environ) -> Home:
    """Give the shared volume, which the environment names."""
    return Home(Path(environ.get("CXR_HOME", "cxr-home")).absolute())


def given_settings() -> dict[str, Any]:
    """Give what the form was filled with; keys that it does not have are among them."""
    context = get_current_context()
    return {**context["params"], **(context["dag_run"].conf or {})}


def current_run() -> RunPaths:
    """Find the folders of the run this task belongs to."""
    name = given_settings().get(RUN_NAME)
    return shared_volume().run(name or run_key_from(get_current_context()["run_id"]))


def is_scheduled() -> bool:
    """Say whether a schedule or an asset started this run, and no person."""
    return get_current_context()["dag_run"].run_type in ("scheduled", "asset_triggered")


@contextmanager
def not_retried() -> Iterator[None]:
    """Fail the task at once on what the same input would bring again."""
    try:
        yield
    except CxrError as err:
        raise AirflowFailException(str(err)) from err
    except StageError as err:
        if err.retryable:
            raise
        raise AirflowFailException(str(err)) from err


def run_stage_as_child(stage: str, *, variant: str | None = None, **secrets: str) -> None:
    """Run a stage of this run as a child process; what it prints goes to the task's log."""
    with not_retried():
        run_stage(
            stage, current_run(), variant=variant, environ={**os.environ, **secrets},
            on_line=log_line,
        )  # fmt: skip


def log_lines(lines: Iterable[str]) -> None:
    """Log lines of text."""
    for line in lines:
        log_line(line)


def log_line(line: str) -> None:
    """Log a line that a child printed, at the level that it has there."""
    if level_of(line) == "warning":
        log.warning(line)
    else:
        log.info(line)


def kaggle_login() -> dict[str, str]:
    """Read the Airflow connection to Kaggle, where there is one, as environment variables."""
    try:
        login = Connection.get(KAGGLE_CONNECTION)
    except AirflowNotFoundException:
        return {}
    with not_retried():
        return credentials_environment(login.login, login.password, login.extra_dejson)


def run_command_as_child(*arguments: str, **added: str) -> None:
    """Run a command that belongs to no run; what a person typed goes into its environment."""
    with not_retried():
        run_command(arguments, environ={**os.environ, **added}, on_line=log_line)
