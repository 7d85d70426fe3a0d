"""What is said in place of a report: why there is none, and where to look."""

from dataclasses import dataclass

from cxr_tasks.errors import CxrError
from cxr_tasks.site.run_facts import Failure, RunFacts

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


def no_report_yet(
    key: str, run: RunFacts | None, state: str = "", *, at_work: bool = False
) -> Notice:
    """Say why a run has no report.

    Args:
        key: The run's name.
        run: What is on the shared volume of it; None where there is nothing.
        state: What Airflow says of it; empty where Airflow was not asked.
        at_work: Whether a process works on it.
    """
    if run is not None and run.unchanged_since:
        return _unchanged(run)
    if state in STILL_GOING or (at_work and not state):
        return _going_on(key, run, at_work=at_work)
    if run is not None and (run.failures or state == "failed"):
        return _failed(run)
    if state == "failed":
        return refused(key)
    if run is None:
        return Notice(
            "No such run",
            f"There is no run {key} on the shared volume. It may have been deleted.",
            status=404,
        )
    if _is_cut_off(run):
        return Notice("This run was cut off", f"{_GONE} {_goes_on(key)}", kind="failed", run=run)
    return Notice(
        "No report yet",
        f"Nothing works on this run: it has not come to its report, or its report was deleted. "
        f"{_goes_on(key)}",
        run=run,
    )


def refused(key: str, reason: str = "") -> Notice:
    """Report that a run of the DAG has begun nothing, since its first task refused.

    Args:
        key: The name that it asked for; empty where it can be none.
        reason: What the task said, where it is known.
    """
    told = "The log of the task start says which setting was refused, and what to do."
    return Notice(
        "This run failed at its start",
        "It has changed nothing on the shared volume"
        + (f", also where a run {key} lies there already. " if key else ". ")
        + ("What the task start said is below." if reason else told),
        kind="failed",
        failures=(Failure("start", reason),) if reason else (),
    )


def not_begun(key: str) -> Notice:
    """Report that a run of the DAG has still to open its run on the shared volume."""
    return _going_on(key, None, at_work=True)


_GONE = (
    "A stage had begun, and no process works on it any more: it was killed, or its machine is gone."
)


def _goes_on(key: str) -> str:
    return (
        "What is finished stays: starting it again under the name "
        f"{key} with the same settings goes on from there."
    )


def _is_cut_off(run: RunFacts | None) -> bool:
    """Return whether a stage was in the middle of its work when it was seen last."""
    return run is not None and run.last_sign is not None and not run.last_sign.ended


def _unchanged(run: RunFacts) -> Notice:
    return Notice(
        "Nothing has changed",
        f"This run ended early on purpose: {run.unchanged_since} has the same images, settings "
        "and versions, so its results are this run's. To run it all the same, set force.",
        run=run,
        earlier=run.unchanged_since,
    )


def _going_on(key: str, run: RunFacts | None, *, at_work: bool) -> Notice:
    waits = f" {_GONE} Airflow notices that within minutes, and tries again."
    return Notice(
        "No report yet",
        f"The run {key} is under way. This page looks again every {REFRESH_SECONDS} seconds."
        + (waits if not at_work and _is_cut_off(run) else ""),
        kind="waiting",
        run=run,
        failures=run.failures if run else (),
        refresh_seconds=REFRESH_SECONDS,
    )


def _failed(run: RunFacts) -> Notice:
    if run.failures and all(failure.stopped for failure in run.failures):
        return Notice(
            "This run was stopped",
            "A person stopped it. To go on, clear the whole run, or start a run of the same name "
            "and settings: what is finished stays.",
            run=run,
            failures=run.failures,
        )
    silent = f"{_GONE} " if _is_cut_off(run) else "No stage has left a message. "
    return Notice(
        "This run failed before its report",
        "What each stage said is below; the logs of the failed tasks have the rest. Once the "
        "cause is mended, clear those tasks, or start a run of the same name and settings: what "
        "is finished stays."
        if run.failures
        else f"{silent}The logs of the failed tasks have the rest.",
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
