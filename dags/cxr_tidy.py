"""The DAG `cxr_tidy`: frees space on the shared volume, by the operator's rule."""

from airflow.sdk import dag, task
from cxr_airflow.assets import tidy_schedule
from cxr_airflow.notifier import ending_callbacks
from cxr_airflow.tasks import RETRIES, RETRY_DELAY, run_command_as_child

DOC = """
Removes from the shared volume, for good, what killed work left, what no run, schedule or champion
needs, and the runs beyond the rule in `[retention]` of `defaults.toml`; without that table no run.
The task's log names each thing and its size. What somebody works on is left for the next time.

By hand, or by the cron expression that `CXR_TIDY_SCHEDULE` names.
`python -m cxr_tasks space` shows beforehand what would go.
"""


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def free() -> None:
    """Remove what may go."""
    run_command_as_child("space", "--free")


@dag(
    dag_id="cxr_tidy",
    schedule=tidy_schedule(),
    max_active_runs=1,
    tags=["cxr"],
    doc_md=DOC,
    **ending_callbacks(),
)
def cxr_tidy() -> None:
    """Wire the one task."""
    free()


cxr_tidy()
