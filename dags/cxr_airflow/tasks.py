"""How the DAGs' tasks work: child processes, errors that no retry mends, time limits, links."""

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink, Connection, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowRescheduleException,
    AirflowRuntimeError,
)

from cxr_airflow.lineage import leave_lineage
from cxr_tasks.data.sources.kaggle_secrets import credentials_environment
from cxr_tasks.errors import ConfigError, CxrError
from cxr_tasks.flow.lineage import stage_lineage
from cxr_tasks.flow.process import GivenBack, StageError, run_command, run_stage
from cxr_tasks.runs.failure import STOPPED
from cxr_tasks.runs.start import open_started
from cxr_tasks.runs.starts import How, Starter, at_the_command_line
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths, StageName
from cxr_tasks.volume.progress import level_of

KAGGLE_CONNECTION = "kaggle_default"
START = "start"
"""The task that opens the run; what it returns says which run that is."""

REFUSAL = "refusal"
"""Key of the XCom in which a task that fails for good leaves what it said."""

RETRIES, RETRY_DELAY = 2, timedelta(seconds=10)
"""Of every task that does work; the project's own errors are not retried all the same."""

GIVEN_BACK_FOR = timedelta(seconds=15)
"""How long a task that was given back waits at least.

The scheduler first has to learn that its process has ended, which takes up to 5 s and an upload of
logs: Airflow 3.3.2 takes a task that it has scheduled again before that for one that was killed,
and fails it (`process_executor_events`).
"""

TASK_HOURS = "CXR_TASK_TIMEOUT_HOURS"
"""Environment variable: after how many hours a try of a task is ended; it is retried then."""

TRAINING_HOURS = "CXR_TRAINING_TIMEOUT_HOURS"
"""Environment variable: likewise of a training, whose next try goes on from its checkpoint."""

RUN_HOURS = "CXR_RUN_TIMEOUT_HOURS"
"""Environment variable: after how many hours a DAG's run is given up."""

APPROVAL_HOURS = "CXR_APPROVAL_TIMEOUT_HOURS"
"""Environment variable: after how many hours without an answer a model is not promoted."""

HOURS: Mapping[str, float] = {
    TASK_HOURS: 24,
    TRAINING_HOURS: 144,
    RUN_HOURS: 336,
    APPROVAL_HOURS: 168,
}
"""Where the operator says nothing: a day, six days, two weeks, a week."""

_MAX_HOURS = 100_000

_HOW: Mapping[str, How] = {
    "manual": "by hand",
    "asset_materialization": "by hand",
    "scheduled": "schedule",
    "asset_triggered": "new images",
    "operator_triggered": "another DAG",
    "backfill": "backfill",
}
"""How a DAG's run came about, by Airflow's name of it."""

_DAGS_TEST = "dag_test"
"""Whom `airflow dags test` names as the user."""

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
            with ending_for_good():
                return function(*args, **kwargs)

        return task(**{**usual, **options})(guarded)

    return make


@contextmanager
def ending_for_good() -> Iterator[None]:
    """Fail the task at once on what the same input would bring again; end it where that is asked.

    Where its worker ends it is given back: Airflow counts no try, and another worker goes on.
    """
    try:
        yield
    except CxrError as err:
        raise _refusal(err) from err
    except StageError as err:
        if err.retryable:
            raise
        raise _refusal(err) from err
    except GivenBack as err:
        raise _given_back() from err
    except KeyboardInterrupt as err:
        if goes_on_elsewhere():
            log.warning("Given back: this worker could not go on. The next free one goes on.")
            raise _given_back() from err
        # Airflow would take it for a failure: `dags test` went on with the next try or task.
        log.warning("Stopped. What is finished is kept.")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(STOPPED)


def _refusal(err: Exception) -> AirflowFailException:
    get_current_context()["ti"].xcom_push(key=REFUSAL, value=str(err))
    return AirflowFailException(str(err))


def _given_back() -> AirflowRescheduleException:
    until = datetime.now(tz=UTC) + GIVEN_BACK_FOR
    return AirflowRescheduleException(until)  # type: ignore[no-untyped-call]


def goes_on_elsewhere() -> bool:
    """Return whether Airflow still wants this task, which was asked to end: its worker ends.

    Where a person stops it, Airflow has another state for it before its process hears of that.
    """
    if is_dags_test():
        return False
    ti = get_current_context()["ti"]
    try:
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    except AirflowRuntimeError:  # no answer, which may be why it is ended
        return False
    return bool(states.get(ti.run_id, {}).get(ti.task_id) == "running")


def shared_volume(environ: Mapping[str, str] = os.environ) -> Home:
    """Return the shared volume, which the environment names."""
    return Home(Path(environ.get("CXR_HOME", "cxr-home")).absolute())


def given_settings() -> dict[str, Any]:
    """Return what the form was filled with, including keys that it does not have."""
    context = get_current_context()
    return {**context["params"], **(context["dag_run"].conf or {})}


def opened_run() -> tuple[RunPaths, RunConfig]:
    """Open the run that `start` of this DAG run has opened: neither form nor run id name another.

    Raises:
        ConfigError: It has opened none.
    """
    return open_started(shared_volume(), get_current_context()["ti"].xcom_pull(task_ids=START))


def is_scheduled() -> bool:
    """Return whether no person has filled in the form: schedule, asset, backfill, another DAG."""
    return get_current_context()["dag_run"].run_type != "manual"


def who_starts() -> Starter:
    """Return who has triggered this DAG run, and how."""
    dag_run = get_current_context()["dag_run"]
    if is_dags_test():
        return at_the_command_line(dag_run.run_id)
    by = dag_run.triggering_user_name or ""
    return Starter(by, _HOW.get(dag_run.run_type, "Airflow"), dag_run.run_id)


def is_dags_test() -> bool:
    """Return whether `airflow dags test` runs this task: nobody could answer a question of it."""
    return get_current_context()["dag_run"].triggering_user_name == _DAGS_TEST


def any_succeeded(task_group_id: str) -> bool:
    """Return whether a task of a group succeeded in this DAG run, whatever lies on the volume."""
    context = get_current_context()
    run_id = context["run_id"]
    states = context["ti"].get_task_states(
        dag_id=context["dag"].dag_id, task_group_id=task_group_id, run_ids=[run_id]
    )
    return "success" in states.get(run_id, {}).values()


def run_stage_as_child(stage: StageName, *, variant: str | None = None, **secrets: str) -> None:
    """Run a stage of this run as a child process; what it prints goes to the task's log."""
    run, _ = opened_run()
    leave_lineage(partial(stage_lineage, run, stage, variant or ""))
    run_stage(
        stage,
        run,
        variant=variant,
        environ={**os.environ, **secrets},
        on_line=log_line,
        goes_on_elsewhere=goes_on_elsewhere,
    )


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


def time_limit(variable: str, environ: Mapping[str, str] = os.environ) -> timedelta:
    """Read one of the limits.

    Raises:
        ConfigError: The variable holds no number of hours.
    """
    given = environ.get(variable, "").strip()
    try:
        hours = float(given) if given else HOURS[variable]
    except ValueError:
        hours = math.nan
    if not 0 < hours <= _MAX_HOURS:
        raise ConfigError(
            f"{variable}={given!r} is no time limit.",
            f"A time limit is a number of hours above 0, up to {_MAX_HOURS}.",
            f"Correct {variable}, for example {variable}={HOURS[variable]:g}, or unset it.",
        )
    return timedelta(hours=hours)


class ReportLink(BaseOperatorLink):
    """From a task to its run's report: the tab that the plugin `cxr_reports` adds.

    The worker leaves the address as an XCom when the task has ended. It is relative to where
    Airflow's UI lies, so that workers need not know that.
    """

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the address of the tab."""
        return report_address(ti_key.dag_id, ti_key.run_id)


class AgainLink(BaseOperatorLink):
    """From a task to the form that is filled as its run was: another tab of that plugin."""

    name = "Run again with changes"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the address of the tab."""
        return f"dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id)}/plugin/cxr_again"


LINKS = (ReportLink(), AgainLink())


def report_address(dag_id: str, run_id: str) -> str:
    """Return the address of a run's tab, relative to where Airflow's UI lies."""
    return f"dags/{quote(dag_id)}/runs/{quote(run_id)}/plugin/cxr_report"


def linked(output: Any) -> Any:
    """Add the links to a TaskFlow task; a plugin would give them to every DAG's tasks."""
    output.operator.operator_extra_links = LINKS
    return output
