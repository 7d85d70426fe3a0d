"""The DAG `cxr_tidy`: frees space on the shared volume, by the operator's rule."""

from cxr_airflow.dag import TIDY_SCHEDULE, cron_schedule, cxr_dag
from cxr_airflow.tasks import cxr_task, run_command_as_child

DOC = """
Removes from the shared volume, for good, what killed work left, what no run, schedule or champion
needs, and the runs beyond the rule in `[retention]` of `defaults.toml`; without that table no run.
The task's log names each thing and its size. It waits up to ten minutes for a moment at which
nobody works on the volume, such as between two stages of a run; where none comes, it removes
nothing and leaves it for the next time.

By hand, or by the cron expression that `CXR_TIDY_SCHEDULE` names.
`python -m cxr_tasks space` shows beforehand what would go.
"""


WAIT_MINUTES = "10"
"""Longer than a look at a source or a start; for a training, which takes hours, no task waits."""


@cxr_task()
def free() -> None:
    """Remove what may go."""
    run_command_as_child("space", "--free", "--wait", WAIT_MINUTES)


@cxr_dag(
    "cxr_tidy",
    DOC,
    description="Frees space on the shared volume, by the operator's rule",
    schedule=cron_schedule(TIDY_SCHEDULE),
)
def cxr_tidy() -> None:
    """Wire the one task."""
    free()


cxr_tidy()
