"""The pages about one run: its report and its files, how far it is, the form to start it again."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

from cxr_tasks.errors import ConfigError, CxrError
from cxr_tasks.reporting.report_record import LABELS_PAGE
from cxr_tasks.site.again import (
    AgainForm,
    Given,
    again_address,
    again_tab_address,
    form_of_conf,
    form_of_run,
    make_form,
)
from cxr_tasks.site.airflow_run import NAMED_BY, PIPELINE, SCORING, AirflowRun
from cxr_tasks.site.answer import Answer, download, fill, refused_name, show, unreadable
from cxr_tasks.site.batch_pages import batch_page
from cxr_tasks.site.inside import is_unreadable, read_if_there
from cxr_tasks.site.library import Library
from cxr_tasks.site.live import Watched, WatchedRuns, is_known, make_live
from cxr_tasks.site.notice import NO_SUCH_RUN, Notice, not_begun
from cxr_tasks.site.reading import PAGE, is_damaged, report_page
from cxr_tasks.site.report_files import Leads, read_served_file, with_served_links
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.watching.run_progress import AirflowTask
from cxr_tasks.watching.watch import progress_before_start

LABELS = "labels"
"""The part of a report that is a page of its own."""

PROGRESS = "progress"
"""The page of how a run went, also once it has its report."""


@dataclass(frozen=True)
class _Asked:
    """A run's page as it is asked for."""

    base: str
    page: str  # the page's address
    again: str  # where the form stands that starts the run again
    state: str = ""  # what Airflow says of the run; empty where it was not asked
    tasks: Mapping[str, AirflowTask] = field(default_factory=dict)
    part: str = ""
    known: str | None = None  # the tags of what the open page has; None where the page is opened

    @property
    def is_fragment(self) -> bool:
        """Whether the page is open, and asks for what is new."""
        return self.known is not None


class RunPages:
    """The pages about one run of a shared volume.

    Every method takes `base`, where the pages are mounted, such as `/cxr`.

    Args:
        home: The shared volume.
        library: Its runs.
        clock: Tells the time, in seconds since 1970.
    """

    def __init__(self, home: Home, library: Library, *, clock: Callable[[], float]) -> None:
        self._home = home
        self._library = library
        self._clock = clock
        self._watched = WatchedRuns(home)

    def page(self, key: str, *, base: str, part: str = "", known: str | None = None) -> Answer:
        """Return a run's report, or how far it is, or why it has none.

        Args:
            key: The run's name.
            base: Where the pages are mounted.
            part: `labels` for the report's page of labels, `progress` for how the run went.
            known: Where the page is open already, the tags (`If-None-Match`) of what it has; it
                is given the body that is new, or status 304.
        """
        page, again = f"{base}/runs/{key}", again_address(key, base=base)
        return self._page(key, _Asked(base, page, again, part=part, known=known))

    def airflow_run(self, asked: AirflowRun, *, base: str, known: str | None = None) -> Answer:
        """Return the page of a DAG's run, or why there is none; `known` as in `page`."""
        if asked.dag_id not in NAMED_BY:
            return show(Notice("another DAG", "No report here", asked.dag_id), base)
        if asked.state is None:
            unknown = Notice("unknown to Airflow", NO_SUCH_RUN, asked.run_id, status=404)
            return show(unknown, base)
        if asked.dag_id == SCORING:
            return batch_page(self._home, asked.key, base=base, state=asked.state)
        page = f"{base}/{asked.dag_id}/{quote(asked.run_id, safe='', errors='replace')}"
        again = again_tab_address(asked.dag_id, asked.run_id, base=base)
        how = _Asked(base, page, again, asked.state, asked.tasks, known=known)
        if asked.has_begun:
            return self._page(asked.key, how)
        notice = not_begun(asked.key, asked.state, asked.refusal)
        progress = progress_before_start(asked.key, asked.state, asked.tasks)
        return self._live(Watched(notice, progress), how)

    def file(self, key: str, name: str, *, base: str) -> Answer:
        """Return a file of a run's report, to be saved."""
        try:
            content = read_served_file(self._home, key, name)
        except (CxrError, OSError):
            return unreadable(name, base)
        if content is None:
            return show(Notice("no file", "No such file", name, status=404), base)
        return download(content, f"{key}-{name}")

    def again(self, key: str, *, base: str, given: Given | None = None, **facts: Any) -> Answer:
        """Return the form that is filled as a run was, or with what was sent of it.

        `facts` are those of `AgainForm`.
        """
        try:
            run = self._home.run(key)
        except ConfigError as err:
            return show(refused_name(err), base)
        if not os.path.lexists(run.config):
            return show(Notice("no run", NO_SUCH_RUN, key, status=404), base)
        try:
            given = form_of_run(run) if given is None else given
        except CxrError as err:
            if is_unreadable(err):
                return unreadable(run.config.name, base)
            damaged = Notice("no settings", "Its settings are damaged", key, reason=err.problem)
            return show(damaged, base)
        return _form_page(
            make_form(key, given, address=again_address(key, base=base), **facts), base
        )

    def airflow_run_again(
        self,
        asked: AirflowRun,
        *,
        base: str,
        defaults: Mapping[str, Any],
        given: Given | None = None,
        **facts: Any,
    ) -> Answer:
        """Return the form that is filled as a DAG's run was, or why there is none.

        Of a run that its task `start` refused it holds what was asked for. `defaults` are the
        operator's, the rest as in `again`.
        """
        if asked.dag_id != PIPELINE:
            return show(Notice("other form", "No form here", asked.dag_id), base)
        if asked.state is not None and asked.is_refused:
            given = form_of_conf(asked.conf, defaults=defaults) if given is None else given
            address = again_tab_address(asked.dag_id, asked.run_id, base=base)
            return _form_page(make_form("", given, address=address, **facts), base)
        if asked.state is None or not asked.has_begun:
            return self.airflow_run(asked, base=base)
        return self.again(asked.key, base=base, given=given, **facts)

    def _page(self, key: str, asked: _Asked) -> Answer:
        try:
            run = self._home.run(key)
        except ConfigError as err:
            return show(refused_name(err), asked.base)
        if not asked.is_fragment and asked.part != PROGRESS:
            for name in (LABELS_PAGE, PAGE) if asked.part == LABELS else (PAGE,):
                if answer := self._report(run, name, asked.base):
                    return answer
        watched = self._watched.look(
            run, self._library.find(key), state=asked.state, tasks=asked.tasks, now=self._clock()
        )
        return self._live(watched, asked)

    def _live(self, watched: Watched, asked: _Asked) -> Answer:
        notice = watched.notice
        again = asked.again if notice.may_start_again else ""
        if not notice.has_progress:
            return show(notice, asked.base, again=again)
        if is_known(watched.tag, asked.known or ""):
            return Answer("", 304, extra={"ETag": watched.tag})
        live = make_live(watched, page=asked.page, now=self._clock())
        template = "notice_body.html.j2" if asked.is_fragment else "notice.html.j2"
        page = fill(template, asked.base, notice=notice, live=live, again=again)
        return Answer(page, notice.status, extra={"ETag": watched.tag} if asked.is_fragment else {})

    def _report(self, run: RunPaths, name: str, base: str) -> Answer | None:
        """Return a page of a report, its links as they are here."""
        page = report_page(run, name)
        if page is None:
            return None
        try:
            content = read_if_there(page)
            if content is None:
                return None
            damaged = is_damaged(run, content, name)
        except (CxrError, OSError):
            return unreadable(name, base)
        if damaged:
            return show(Notice("damaged", "This report is damaged", run.key), base)
        here = f"{base}/runs/{run.key}"
        # a page's text has no quotation mark that is not escaped, so nothing else looks like this
        for file, place in {PAGE: here, LABELS_PAGE: f"{here}?part={LABELS}"}.items():
            content = content.replace(f'href="{file}"'.encode(), f'href="{escape(place)}"'.encode())
        return Answer(with_served_links(content, run, self._leads(run), base=base))

    def _leads(self, run: RunPaths) -> Leads:
        """Return what the links of a report lead to, beside its files."""
        facts = self._library.find(run.key)
        if facts is None or facts.report is None:
            return Leads()
        data = facts.report.data_fingerprint
        others = (
            each.key
            for each in self._library.glance()
            if each.report and each.report.data_fingerprint == data and each.key != run.key
        )
        noted = facts.said is not None
        return Leads(other=next(others, ""), decision=facts.decision, has_note=noted)


def _form_page(form: AgainForm, base: str) -> Answer:
    page = fill("again.html.j2", base, form=form)
    return Answer(page, 400 if form.refused else 200)
