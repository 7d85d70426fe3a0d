"""What a page says in place of a report: why there is none, and where to look.

The texts stand in the template; here is decided which of them holds.
"""

from dataclasses import dataclass

from cxr_tasks.site.run_facts import FailedStage, RunFacts

REFRESH_SECONDS = 15
NO_SUCH_RUN = "No such run"
STILL_GOING = ("queued", "running", "restarting")


@dataclass(frozen=True)
class Notice:
    """A short page."""

    about: str  # which text of the template it has
    title: str
    key: str = ""  # the name of the run, or of whatever else was asked for
    status: int = 200
    run: RunFacts | None = None
    failures: tuple[FailedStage, ...] = ()
    refresh_seconds: int = 0  # after how long the page loads itself anew; 0 is never
    lost: bool = False  # whether Airflow takes a run for going on that no process works on
    reason: str = ""  # why the name is invalid; empty where it is not


def no_report_yet(
    key: str, run: RunFacts | None, state: str = "", *, at_work: bool = False
) -> Notice:
    """Return why a run has no report.

    Args:
        key: The run's name.
        run: What is on the shared volume of it; None where there is nothing.
        state: What Airflow says of it; empty where Airflow was not asked.
        at_work: Whether a process works on it.
    """
    if run is not None and run.unchanged_since:
        return Notice("unchanged", "Nothing has changed", key, run=run)
    if state in STILL_GOING or (at_work and not state):
        lost = not at_work and run is not None and run.is_cut_off
        return _under_way(key, run, lost=lost)
    if run is None:
        absent = Notice("no run", NO_SUCH_RUN, key, status=404)
        return refused(key) if state == "failed" else absent
    if run.failures and all(failure.stopped for failure in run.failures):
        return Notice("stopped", "This run was stopped", key, run=run, failures=run.failures)
    if run.failures or state == "failed":
        title = "This run failed before its report"
        return Notice("failed", title, key, run=run, failures=run.failures)
    if run.is_cut_off:
        return Notice("cut off", "This run was cut off", key, run=run)
    return Notice("no report", "No report yet", key, run=run)


def _under_way(key: str, run: RunFacts | None, *, lost: bool) -> Notice:
    return Notice(
        "under way",
        "No report yet",
        key,
        run=run,
        failures=run.failures if run else (),
        refresh_seconds=REFRESH_SECONDS,
        lost=lost,
    )


def not_begun(key: str, state: str, refusal: str) -> Notice:
    """Return the notice of a run of the DAG that has opened no run of its own, or not yet."""
    return _under_way(key, None, lost=False) if state in STILL_GOING else refused(key, refusal)


def refused(key: str, reason: str = "") -> Notice:
    """Return the notice of a run of the DAG that has begun nothing, since its first task refused.

    Args:
        key: The name that it asked for; empty where it is invalid.
        reason: What the task said, where it is known.
    """
    failures = (FailedStage("start", reason),) if reason else ()
    return Notice("refused", "This run failed at its start", key, failures=failures)


def no_scores_yet(name: str, state: str) -> Notice:
    """Return why a batch of images has no page of scores."""
    if state in STILL_GOING:
        return Notice("scoring", "No scores yet", name, refresh_seconds=REFRESH_SECONDS)
    if state == "failed":
        return Notice("not scored", "This batch was not scored", name)
    return Notice("no scores", "No scores", name)
