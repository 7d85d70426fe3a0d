"""Who has triggered a DAG run, as Airflow tells a task."""

import json

from tests.dags.airflow_cli import run_python

TOLD = """
import json
import sys
from types import SimpleNamespace
sys.path.insert(0, "dags")
from cxr_airflow import tasks
from airflow.sdk.api.datamodels._generated import DagRunType
told = {}
for user, run_type in [("admin", kind) for kind in DagRunType] + [
    (None, DagRunType.SCHEDULED), ("dag_test", DagRunType.MANUAL),
]:
    run = SimpleNamespace(triggering_user_name=user, run_type=run_type, run_id="id")
    tasks.get_current_context = lambda run=run: {"dag_run": run}
    who = tasks.who_starts()
    told[f"{user} {run_type.value}"] = [who.how, who.by, who.dag_run]
print(json.dumps(told))
"""


def test_every_way_to_trigger_a_run_has_a_word_of_its_own(airflow_environ: dict[str, str]) -> None:
    done = run_python(["-c", TOLD], airflow_environ | {"LOGNAME": "ann"}, expected=0)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["admin manual"] == ["by hand", "admin", "id"]
    assert told["None scheduled"] == ["schedule", "", "id"]
    assert told["admin asset_triggered"][0] == "new images"
    assert told["dag_test manual"] == ["command line", "ann", "id"]
    assert "Airflow" not in [how for how, _, _ in told.values()]
