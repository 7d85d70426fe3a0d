"""Which tasks that are asked to end are given back, by what Airflow says of them then."""

import json

import pytest

from tests.dags.airflow_cli import run_python

ASKED = """
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
sys.path.insert(0, "dags")
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from cxr_airflow import tasks
from cxr_tasks.flow.process import GivenBack
state, user = json.loads(sys.argv[1])

class Instance:
    dag_id, task_id, run_id = "cxr_pipeline", "train.vanilla_cnn", "id"
    def get_task_states(self, *, dag_id, task_ids, run_ids):
        if state == "no answer":
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
        return {run_ids[0]: {task_ids[0]: state}}

run = SimpleNamespace(triggering_user_name=user)
tasks.get_current_context = lambda: {"dag_run": run, "ti": Instance()}
for asked in (KeyboardInterrupt, GivenBack):
    try:
        with tasks.ending_for_good():
            raise asked
    except AirflowRescheduleException as err:
        waits = err.reschedule_date - datetime.now(tz=UTC)
        assert -5 < (waits - tasks.GIVEN_BACK_FOR).total_seconds() <= 0, waits
        print(asked.__name__, "is given back", flush=True)
"""
BACK = ["KeyboardInterrupt is given back", "GivenBack is given back"]


@pytest.mark.parametrize(
    ("state", "user", "status", "told"),
    [
        ("running", "ann", 0, BACK),
        ("failed", "ann", 130, []),  # stopped in the UI
        ("restarting", "ann", 130, []),  # cleared there
        ("no answer", "ann", 130, []),
        ("running", "dag_test", 130, []),  # Ctrl-C at `airflow dags test`
    ],
)
def test_a_task_is_given_back_where_airflow_still_wants_it(
    airflow_environ: dict[str, str], state: str, user: str, status: int, told: list[str]
) -> None:
    arguments = ["-c", ASKED, json.dumps([state, user])]
    done = run_python(arguments, airflow_environ, expected=status)
    assert [line for line in done.stdout.splitlines() if "is given back" in line] == told
