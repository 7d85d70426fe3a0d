"""What is said in place of a report: why there is none, and where to look."""

from dataclasses import dataclass

from cxr_tasks.browsing.run_facts import Failure, RunFacts
from cxr_tasks.errors import CxrError

REFRESH_SECONDS = 15
STILL_GOING = ("queued", "running", "restarting")


@dataclass(frozen=True)
class Notice:
    """A short page.

    Attributes:
        kind: Its tone: plain, waiting or failed.
        earlier: A run to look at instead; empty if there is none.
        refresh_seconds: After how long the page loads itself anew; 0 is never.
    """

    title: str
    text: str
    kind: str = "plain"
    status: int = 200
    failures: tuple[Failure, ...] = ()
    run: RunFacts | None = None
    earlier: str = ""
    refresh_seconds: int = 0


def no_report_yet(key: str, run: RunFacts | None, state: str = "") -> Notice:
    """Say why a run has no report.

    Args:
        key: The run's name.
        run: What is on the shared volume of it; None where there is nothing.
        state: What Airflow says of it; empty where Airflow was not asked.
    """
    if run is not None and run.unchanged_since:
        return _unchanged(run)
    if state in STILL_GOING:
        return _going_on(key, run)
    if run is not None and (run.failures or state == "failed"):
        return _failed(run)
    if state == "failed":
        return Notice(
            "This run failed at its start",
            f"It left nothing on the shared volume (run {key}). The log of the task start says "
            "which setting was refused, and what to do.",
            kind="failed",
        )
    if run is None:
        return Notice(
            "No such run",
            f"There is no run {key} on the shared volume. It may have been deleted.",
            status=404,
        )
    return Notice(
        "No report yet",
        "The run has not come to its report, or its report was deleted. What is finished stays: "
        f"starting it again under the name {key} goes on from there.",
        run=run,
    )


def _unchanged(run: RunFacts) -> Notice:
    return Notice(
        "Nothing has changed",
        f"This run ended early on purpose: {run.unchanged_since} has the same images, settings "
        "and versions, so its results are this run's. To run it all the same, set force.",
        run=run,
        earlier=run.unchanged_since,
    )


def _going_on(key: str, run: RunFacts | None) -> Notice:
    return Notice(
        "No report yet",
        f"The run {key} is under way. This page looks again every {REFRESH_SECONDS} seconds.",
        kind="waiting",
        run=run,
        failures=run.failures if run else (),
        refresh_seconds=REFRESH_SECONDS,
    )


def _failed(run: RunFacts) -> Notice:
    return Notice(
        "This run failed before its report",
        "What each stage said is below; the logs of the failed tasks have the rest. Once the "
        "cause is mended, clear those tasks, or start a run of the same name and settings: what "
        "is finished stays."
        if run.failures
        else "No stage has left a message; the logs of the failed tasks say why.",
        kind="failed",
        run=run,
        failures=run.failures,
    )


def damaged_report(key: str) -> Notice:
    """Say that a report is not what was written."""
    return Notice(
        "This report is damaged",
        "It is not shown, since it is not what was written when the run ended. To make it again: "
        f"python -m cxr_tasks report --run {key}, or clear the run's task report.",
        kind="failed",
    )


def no_scores_yet(name: str, state: str) -> Notice:
    """Say why a batch of images has no page of scores."""
    if state in STILL_GOING:
        return Notice(
            "No scores yet",
            f"The batch {name} is being scored. This page looks again every {REFRESH_SECONDS} "
            "seconds.",
            kind="waiting",
            refresh_seconds=REFRESH_SECONDS,
        )
    if state == "failed":
        return Notice("This batch was not scored", "The task's log says why.", kind="failed")
    return Notice(
        "No scores", f"The batch {name} left no page on the shared volume: nothing was scored."
    )


def no_report_of(dag_id: str) -> Notice:
    """Say that another DAG's runs have no report."""
    return Notice(
        "No report here",
        f"Runs of the DAG {dag_id} make no report. Those of cxr_pipeline do, and those of "
        "cxr_score make a page of scores.",
    )


def unknown_airflow_run(run_id: str) -> Notice:
    """Say that Airflow has no such run."""
    return Notice("No such run", f"Airflow knows no run {run_id} of this DAG.", status=404)


def refused_name(err: CxrError) -> Notice:
    """Say why a name can be no run's."""
    return Notice("No such run", f"{err.problem} {err.rule}", status=404)


def nothing_to_compare() -> Notice:
    """Say that two runs with a report are needed."""
    return Notice(
        "Two runs are needed",
        "Choose two runs that have a report, one in each of the first two columns of the table.",
        status=404,
    )
