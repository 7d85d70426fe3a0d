"""What a page shows of a run that goes on, or of how it went."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from cxr_tasks.site.learning_curves import VariantCurves, curves_of
from cxr_tasks.site.notice import Notice, as_it_went, no_report_yet
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.watching.run_progress import AirflowTask, RunProgress
from cxr_tasks.watching.watch import Watches, is_at_work

EVERY_SECONDS, EVERY_SECONDS_AT_REST = 3, 15
"""How often the page asks for what is new: of a run that may go on, and of one that will not."""


@dataclass(frozen=True)
class Watched:
    """How far a run is, and the notice that its page has."""

    notice: Notice
    progress: RunProgress

    @property
    def tag(self) -> str:
        """The entity tag of what is shown, the same in every process of the server.

        It is weak: what only grows with the clock, such as a duration, the page counts by itself.
        """
        notice = self.notice
        told = repr((self.progress.version, notice.about, notice.title, notice.lost))
        return f'W/"{sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'


@dataclass(frozen=True)
class Live:
    """What the page of a run's progress fills its template with."""

    progress: RunProgress
    page: str  # its address
    now: float  # in seconds since 1970
    tag: str
    curves: Mapping[str, VariantCurves]

    @property
    def address(self) -> str:
        """Where the open page asks for what is new."""
        return f"{self.page}/live"

    @property
    def every_seconds(self) -> int:
        """How often it asks; also what waits, has failed or was cut off may go on any moment."""
        at_rest = self.progress.outcome in ("finished", "gone")
        return EVERY_SECONDS_AT_REST if at_rest else EVERY_SECONDS

    @property
    def is_ready(self) -> bool:
        """Whether there is a report to be shown in place of this page."""
        return self.progress.has_report


class WatchedRuns:
    """The runs of one shared volume that pages watch.

    Args:
        home: The shared volume.
    """

    def __init__(self, home: Home) -> None:
        self._watches = Watches(home)

    def look(
        self,
        run: RunPaths,
        facts: RunFacts | None,
        *,
        state: str,
        tasks: Mapping[str, AirflowTask],
        now: float,
    ) -> Watched:
        """Return how far a run is.

        Args:
            run: The run.
            facts: What was read of it; None where there is nothing.
            state: What Airflow says of it; empty where Airflow was not asked.
            tasks: What Airflow says of its tasks, by task id; likewise.
            now: In seconds since 1970.
        """
        if facts is None and not state:
            return Watched(no_report_yet(run.key, None), RunProgress(run.key, ()))
        progress = self._watches.of(run).look(now=now, state=state, airflow=tasks)
        if facts is not None and facts.report is not None:
            return Watched(as_it_went(facts), progress)
        at_work = not progress.outcome and facts is not None and _is_at_work(run, facts, now)
        return Watched(no_report_yet(run.key, facts, state, at_work=at_work), progress)


def make_live(watched: Watched, *, page: str, now: float) -> Live:
    """Draw what a page shows of a run, at a time in seconds since 1970."""
    progress = watched.progress
    return Live(progress, page, now, watched.tag, curves_of(progress))


def is_known(tag: str, if_none_match: str) -> bool:
    """Return whether a request names the tag of what it has already (RFC 9110, 13.1.2)."""
    opaque = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag.removeprefix("W/") in opaque


def _is_at_work(run: RunPaths, facts: RunFacts, now: float) -> bool:
    seen = facts.last_sign.at if facts.last_sign else facts.started
    return is_at_work(run, seen, now=now)
