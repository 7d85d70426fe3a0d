"""Every page by what is asked for; whoever serves them has checked who asks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.runs.run import started_key
from cxr_tasks.settings.form import RUN_NAME
from cxr_tasks.site import notice as notices
from cxr_tasks.site.comparison import compare
from cxr_tasks.site.library import Library
from cxr_tasks.site.listing import make_listing, read_view
from cxr_tasks.site.notice import Notice
from cxr_tasks.site.pages import compare_page, notice_page, runs_page
from cxr_tasks.site.places import is_damaged, report_page, scores_page
from cxr_tasks.site.presence import is_at_work
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.site.trend import make_trend
from cxr_tasks.volume.paths import Home, run_key_from

PIPELINE, SCORING = "cxr_pipeline", "cxr_score"
NAMED_BY = {PIPELINE: RUN_NAME, SCORING: "name"}
"""DAGs whose runs have a page, each with the parameter that may name its folder."""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""Sent with every page: no script runs, nothing is loaded, no other site may frame it."""


@dataclass(frozen=True)
class Answer:
    """A page and its HTTP status."""

    body: str | bytes
    status: int = 200


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow knows of a run; `state` is None where it knows of none.

    Attributes:
        start: State of its task `start`; None where Airflow has no such task of it any more.
        opening: What that task says of the run that it has opened.
        refusal: Why it has opened none, as far as it is known.
    """

    dag_id: str
    run_id: str
    state: str | None
    conf: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None
    opening: object = None
    refusal: str = ""

    @property
    def has_begun(self) -> bool:
        """Say whether it has a folder of its own on the shared volume."""
        return self.start in (None, "success")

    @property
    def key(self) -> str:
        """Name its folder; where `start` has left no word, as the form does; unchecked."""
        if opened := started_key(self.opening):
            return opened
        given = self.conf.get(NAMED_BY[self.dag_id])
        if isinstance(given, str) and given:
            return given
        return shown(given) if given else run_key_from(self.run_id)


class Site:
    """The pages about one shared volume.

    Every method takes `base`, where the pages are mounted, such as `/cxr`.

    Args:
        home: The shared volume; it may not exist yet.
        clock: Tells the time, in seconds since 1970.
    """

    def __init__(self, home: Home, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.clock = clock
        self.library = Library(home)

    def all_runs(self, query: Mapping[str, str], *, base: str) -> Answer:
        """Show the table of runs, as the address's query wants it."""
        view = read_view(query)
        runs = self.library.runs()
        ready = [run.key for run in runs if run.report][:2]
        listing = make_listing(runs, view)
        return Answer(runs_page(listing, make_trend(runs, view.trend), ready, base=base))

    def compared(self, first: str, second: str, *, base: str) -> Answer:
        """Show two runs side by side."""
        one, other = self._find(first), self._find(second)
        comparison = compare(one, other) if one and other else None
        if comparison is None:
            return _tell(notices.nothing_to_compare(), base)
        return Answer(compare_page(comparison, base=base))

    def run(self, key: str, *, base: str, state: str = "") -> Answer:
        """Show a run's report, or say why there is none."""
        try:
            run = self.home.run(key)
        except ConfigError as err:
            return _tell(notices.refused_name(err), base)
        page = report_page(run)
        if page is not None:
            content = page.read_bytes()
            damaged = is_damaged(run, content)
            return _tell(notices.damaged_report(key), base) if damaged else Answer(content)
        facts = self.library.find(key)
        at_work = is_at_work(run, facts, now=self.clock())
        return _tell(notices.no_report_yet(key, facts, state, at_work=at_work), base)

    def airflow_run(self, asked: AirflowRun, *, base: str) -> Answer:
        """Show the page of a DAG's run, or say why there is none."""
        if asked.dag_id not in NAMED_BY:
            return _tell(notices.no_report_of(asked.dag_id), base)
        if asked.state is None:
            return _tell(notices.unknown_airflow_run(asked.run_id), base)
        if asked.dag_id == PIPELINE:
            if not asked.has_begun:
                return _tell(_not_begun(asked), base)
            return self.run(asked.key, base=base, state=asked.state)
        return self._scores(asked.key, base=base, state=asked.state)

    def _scores(self, name: str, *, base: str, state: str) -> Answer:
        try:
            page = scores_page(self.home, name)
        except ConfigError as err:
            return _tell(notices.refused_name(err), base)
        if page is not None:
            return Answer(page.read_bytes())
        return _tell(notices.no_scores_yet(name, state), base)

    def _find(self, key: str) -> RunFacts | None:
        try:
            return self.library.find(key)
        except ConfigError:
            return None


def _not_begun(asked: AirflowRun) -> Notice:
    if asked.state in notices.STILL_GOING:
        return notices.not_begun(asked.key)
    return notices.refused(asked.key, asked.refusal)


def _tell(notice: Notice, base: str) -> Answer:
    return Answer(notice_page(notice, base=base), notice.status)
