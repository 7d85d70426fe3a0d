"""What a page says in place of a report: why there is none, and where to look.

The texts stand in the template; here is decided which of them holds.
"""

from dataclasses import dataclass

from cxr_tasks.site.run_facts import FailedStage, RunFacts
from cxr_tasks.watching.watch import GOING
from cxr_tasks.wording import one_line

REFRESH_SECONDS = 15
NO_SUCH_RUN = "No such run"
WITH_PROGRESS = ("under way", "stopped", "failed", "cut off", "no report", "went")
ENDED = ("stopped", "failed", "cut off", "no report", "went", "refused", "unchanged")


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

    @property
    def may_start_again(self) -> bool:
        """Whether a run like this one may be what a person wants next."""
        return self.about in ENDED

    @property
    def has_progress(self) -> bool:
        """Whether the run's tasks belong on the page."""
        return self.about in WITH_PROGRESS


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
    if state in GOING or (at_work and not state):
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
        f"{one_line(key, 120)} is under way",
        key,
        run=run,
        failures=run.failures if run else (),
        refresh_seconds=REFRESH_SECONDS,
        lost=lost,
    )


def as_it_went(run: RunFacts) -> Notice:
    """Return the notice of a run that has its report, and shows how it went."""
    return Notice("went", f"How {run.key} went", run.key, run=run, failures=run.failures)


def not_begun(key: str, state: str, refusal: str) -> Notice:
    """Return the notice of a run of the DAG that has opened no run of its own, or not yet."""
    return _under_way(key, None, lost=False) if state in GOING else refused(key, refusal)


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
    if state in GOING:
        return Notice("scoring", "No scores yet", name, refresh_seconds=REFRESH_SECONDS)
    if state == "failed":
        return Notice("not scored", "This batch was not scored", name)
    return Notice("no scores", "No scores", name)
