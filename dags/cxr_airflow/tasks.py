"""How the DAGs' tasks work: each starts a child process, and fails for good where a retry fails."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from cxr_airflow.timeouts import TASK_HOURS, time_limit
from cxr_tasks.data.sources.kaggle_secrets import credentials_environment
from cxr_tasks.errors import CxrError
from cxr_tasks.flow.process import StageError, run_command, run_stage
from cxr_tasks.runs.failure import STOPPED
from cxr_tasks.runs.opening import reopen
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import level_of

KAGGLE_CONNECTION = "kaggle_default"
START = "start"
"""The task that opens the run; what it returns says which run that is."""

REFUSAL = "refusal"
"""Key of the XCom in which a task that fails for good leaves what it said."""

RETRIES, RETRY_DELAY = 2, timedelta(seconds=10)
"""Of every task that does work; the project's own errors are not retried all the same."""

log = logging.getLogger(__name__)


def cxr_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a task of a function, as every task here is: errors, retries, time limit.

    Args:
        options: Of Airflow's `task`, where one differs.
    """
    usual = {
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "execution_timeout": time_limit(TASK_HOURS),
    }

    def make(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with _ending_for_good():
                return function(*args, **kwargs)

        return task(**{**usual, **options})(guarded)

    return make


@contextmanager
def _ending_for_good() -> Iterator[None]:
    """Fail the task at once on what the same input would bring again, and end it on a stop."""
    try:
        yield
    except CxrError as err:
        raise _refusal(err) from err
    except StageError as err:
        if err.retryable:
            raise
        raise _refusal(err) from err
    except KeyboardInterrupt:
        # Airflow would take it for a failure: `dags test` went on with the next try or task.
        log.warning("Stopped. What is finished is kept.")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(STOPPED)


def _refusal(err: Exception) -> AirflowFailException:
    get_current_context()["ti"].xcom_push(key=REFUSAL, value=str(err))
    return AirflowFailException(str(err))


def shared_volume(environ: Mapping[str, str] = os.environ) -> Home:
    """Give the shared volume, which the environment names."""
    return Home(Path(environ.get("CXR_HOME", "cxr-home")).absolute())


def given_settings() -> dict[str, Any]:
    """Give what the form was filled with; keys that it does not have are among them."""
    context = get_current_context()
    return {**context["params"], **(context["dag_run"].conf or {})}


def opened_run() -> tuple[RunPaths, RunConfig]:
    """Open the run that `start` of this DAG run has opened: neither form nor run id name another.

    Raises:
        ConfigError: It has opened none.
    """
    return reopen(shared_volume(), get_current_context()["ti"].xcom_pull(task_ids=START))


def is_scheduled() -> bool:
    """Say whether no person has filled in the form: schedule, asset, backfill, another DAG."""
    return get_current_context()["dag_run"].run_type != "manual"


def any_succeeded(task_group_id: str) -> bool:
    """Return whether a task of a group succeeded in this DAG run, whatever lies on the volume."""
    context = get_current_context()
    run_id = context["run_id"]
    states = context["ti"].get_task_states(
        dag_id=context["dag"].dag_id, task_group_id=task_group_id, run_ids=[run_id]
    )
    return "success" in states.get(run_id, {}).values()


def run_stage_as_child(stage: str, *, variant: str | None = None, **secrets: str) -> None:
    """Run a stage of this run as a child process; what it prints goes to the task's log."""
    run, _ = opened_run()
    run_stage(stage, run, variant=variant, environ={**os.environ, **secrets}, on_line=log_line)


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
    return credentials_environment(login.login, login.password, login.extra_dejson)


def run_command_as_child(*arguments: str, **added: str) -> None:
    """Run a command that belongs to no run; what a person typed goes into its environment."""
    run_command(arguments, environ={**os.environ, **added}, on_line=log_line)
