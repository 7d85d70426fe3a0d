"""The DAG `cxr_watch`: starts `cxr_pipeline` when the source of its scheduled runs has changed."""

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from cxr_airflow.dag import IMAGES, WATCH_SCHEDULE, cron_schedule, cxr_dag
from cxr_airflow.tasks import cxr_task, kaggle_login, run_command_as_child, shared_volume

from cxr_tasks.flow.watch import LOOKED_BY, found_something_new
from cxr_tasks.settings.defaults import read_defaults

DOC = """
Looks whether the source of the scheduled runs (`defaults.toml` on the shared volume) holds
something new, and if so emits the asset `cxr_images`, on which `cxr_pipeline` runs. Otherwise the
task is skipped, and nothing happens.

By hand, or by the cron expression that `CXR_WATCH_SCHEDULE` names.
"""


@cxr_task(outlets=[IMAGES])
def look() -> None:
    """Check the source; success means that something new was found."""
    run_id = get_current_context()["run_id"]
    run_command_as_child("watch", **{LOOKED_BY: run_id}, **kaggle_login())
    if not found_something_new(shared_volume(), run_id):
        raise AirflowSkipException("The source is as it was seen before.")


@cxr_dag(
    "cxr_watch",
    DOC,
    description="Starts cxr_pipeline when the source of its scheduled runs has changed",
    schedule=cron_schedule(WATCH_SCHEDULE, read_defaults()),
)
def cxr_watch() -> None:
    """Wire the one task."""
    look()


cxr_watch()
