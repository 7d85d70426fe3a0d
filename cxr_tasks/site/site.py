"""Every page by what is asked for; whoever serves them has checked who asks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from html import escape
from typing import Any

from jinja2 import Environment

from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.report_record import LABELS_PAGE
from cxr_tasks.runs.start import started_key
from cxr_tasks.settings.form import RUN_NAME
from cxr_tasks.site.comparison import compare
from cxr_tasks.site.library import Library
from cxr_tasks.site.listing import MEASURES, make_listing, read_view
from cxr_tasks.site.notice import NO_SUCH_RUN, Notice, no_report_yet, no_scores_yet, not_begun
from cxr_tasks.site.reading import PAGE, is_damaged, report_page, scores_page
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.site.trend import FRAME, make_trend
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.locks import is_locked, locks_of_run
from cxr_tasks.volume.paths import Home, RunPaths, run_key_from
from cxr_tasks.wording import NONE, PART_NAMES, VERDICT_NAMES, one_line

PIPELINE, SCORING = "cxr_pipeline", "cxr_score"
NAMED_BY = {PIPELINE: RUN_NAME, SCORING: "name"}
"""DAGs whose runs have a page, each with the parameter that may name its folder."""

LABELS = "labels"
"""The part of a report that is a page of its own."""

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

_PAUSE_SECONDS = 60.0
"""How long a run may be between two stages, or a stage on its way to its lock."""


@dataclass(frozen=True)
class Answer:
    """A page and its HTTP status."""

    body: str | bytes
    status: int = 200


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow knows of a run; `state` is None where it knows of none."""

    dag_id: str
    run_id: str
    state: str | None
    conf: Mapping[str, Any] = field(default_factory=dict)
    # state of its task `start`; None where Airflow has no such task of it any more
    start: str | None = None
    opening: object = None  # what that task says of the run that it has opened
    refusal: str = ""  # why it has opened none, as far as it is known

    @property
    def has_begun(self) -> bool:
        """Whether it has a folder of its own on the shared volume."""
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
        """Return the table of runs, as the address's query wants it."""
        view = read_view(query)
        runs = self.library.runs()
        listing = make_listing(runs, view)
        page = _fill(
            "runs.html.j2",
            base,
            listing=listing,
            view=listing.view,
            trend=make_trend(runs, view.trend),
            ready=[run.key for run in runs if run.report][:2],  # the newest, offered to compare
        )
        return Answer(page)

    def compared(self, first: str, second: str, *, base: str) -> Answer:
        """Return two runs side by side."""
        one, other = self._find(first), self._find(second)
        comparison = compare(one, other) if one and other else None
        if comparison is None:
            return _show(Notice("nothing to compare", "Two runs are needed", status=404), base)
        return Answer(_fill("compare.html.j2", base, comparison=comparison))

    def run(self, key: str, *, base: str, state: str = "", part: str = "") -> Answer:
        """Return a run's report, or its page of labels (part `labels`), or why there is none."""
        try:
            run = self.home.run(key)
        except ConfigError as err:
            return _show(_refused_name(err), base)
        for name in (LABELS_PAGE, PAGE) if part == LABELS else (PAGE,):
            if answer := _report_page(run, name, base):
                return answer
        facts = self.library.find(key)
        at_work = is_at_work(run, facts, now=self.clock())
        return _show(no_report_yet(key, facts, state, at_work=at_work), base)

    def airflow_run(self, asked: AirflowRun, *, base: str) -> Answer:
        """Return the page of a DAG's run, or why there is none."""
        if asked.dag_id not in NAMED_BY:
            return _show(Notice("another DAG", "No report here", asked.dag_id), base)
        if asked.state is None:
            unknown = Notice("unknown to Airflow", NO_SUCH_RUN, asked.run_id, status=404)
            return _show(unknown, base)
        if asked.dag_id == PIPELINE:
            if not asked.has_begun:
                return _show(not_begun(asked.key, asked.state, asked.refusal), base)
            return self.run(asked.key, base=base, state=asked.state)
        return self._scores(asked.key, base=base, state=asked.state)

    def _scores(self, name: str, *, base: str, state: str) -> Answer:
        try:
            page = scores_page(self.home, name)
        except ConfigError as err:
            return _show(_refused_name(err), base)
        if page is not None:
            return Answer(page.read_bytes())
        return _show(no_scores_yet(name, state), base)

    def _find(self, key: str) -> RunFacts | None:
        try:
            return self.library.find(key)
        except ConfigError:
            return None


def is_at_work(run: RunPaths, facts: RunFacts | None, *, now: float) -> bool:
    """Return whether a process works on a run, or did a moment ago.

    Its locks show it, since a lock dies with its holder.

    Args:
        run: The run.
        facts: What was read of it; None where there is nothing.
        now: In seconds since 1970.
    """
    if facts is None:
        return False
    seen = facts.last_sign.at if facts.last_sign else facts.started
    return now - seen < _PAUSE_SECONDS or any(is_locked(path) for path in locks_of_run(run))


def _report_page(run: RunPaths, name: str, base: str) -> Answer | None:
    """Return a page of a report, its links to the other one as they are here."""
    page = report_page(run, name)
    if page is None:
        return None
    content = page.read_bytes()
    if is_damaged(run, content, name):
        return _show(Notice("damaged", "This report is damaged", run.key), base)
    # a page's text has no quotation mark that is not escaped, so nothing else looks like this
    places = {PAGE: f"{base}/runs/{run.key}", LABELS_PAGE: f"{base}/runs/{run.key}?part={LABELS}"}
    for file, place in places.items():
        content = content.replace(f'href="{file}"'.encode(), f'href="{escape(place)}"'.encode())
    return Answer(content)


def _refused_name(err: ConfigError) -> Notice:
    return Notice("no name", NO_SUCH_RUN, status=404, reason=f"{err.problem} {err.rule}")


def _show(notice: Notice, base: str) -> Answer:
    return Answer(_fill("notice.html.j2", base, notice=notice), notice.status)


def _fill(template: str, base: str, **context: object) -> str:
    return _environment().get_template(template).render(base=base, **context)


@cache
def _environment() -> Environment:
    environment = make_environment("cxr_tasks.site", utc=utc, variant_title=variant_title)
    environment.globals |= {
        "frame": FRAME,
        "variants": VARIANTS,
        "measures": MEASURES,
        "part_names": PART_NAMES,
        "verdict_names": VERDICT_NAMES,
    }
    return environment


def utc(seconds: float) -> str:
    """Return a time in UTC as a person reads it: `2026-01-31 03:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def variant_title(name: str | None) -> str:
    """Return the title of a recommended variant; a name from elsewhere stays as it is."""
    if name is None:
        return NONE
    return VARIANTS[name].title if name in VARIANTS else one_line(name, 40)
