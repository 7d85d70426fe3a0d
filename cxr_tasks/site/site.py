"""Every page by what is asked for; whoever serves them has checked who asks."""

import time
from collections.abc import Callable, Mapping, Sequence

from cxr_tasks.errors import ConfigError, CxrError
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.site.answer import Answer, download, fill, show, told_where_unreadable
from cxr_tasks.site.batch_pages import batch_page, batch_table
from cxr_tasks.site.batches import read_batches
from cxr_tasks.site.champion_page import make_champion_page
from cxr_tasks.site.compare_page import make_compare_page
from cxr_tasks.site.comparison import MAX_RUNS, compare
from cxr_tasks.site.library import Library
from cxr_tasks.site.listing import TablePage, choose, make_listing
from cxr_tasks.site.note_page import NoteForm, NotePage
from cxr_tasks.site.notice import NO_SUCH_RUN, Notice
from cxr_tasks.site.paired_tests import PairedTests
from cxr_tasks.site.reading import read_report
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.site.run_pages import RunPages
from cxr_tasks.site.runs_csv import runs_csv
from cxr_tasks.site.trend import make_trend, trend_runs
from cxr_tasks.site.view import COLUMNS, Query, View, passed_over, read_view
from cxr_tasks.volume.paths import Home

_N_LISTED = 30
"""Runs that a choice lists; any other is named."""


class Site:
    """The pages about one shared volume; those about one run are in `of_run`.

    Every method takes `base`, where the pages are mounted, such as `/cxr`.

    Args:
        home: The shared volume; it may not exist yet.
        clock: Tells the time, in seconds since 1970.
    """

    def __init__(self, home: Home, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.clock = clock
        self.library = Library(home, clock=clock)
        self.tests = PairedTests()
        self.of_run = RunPages(home, self.library, clock=clock)

    @told_where_unreadable
    def all_runs(self, query: Query | Mapping[str, str], *, base: str) -> Answer:
        """Return the table of runs, as the address's query wants it."""
        query = list(query.items() if isinstance(query, Mapping) else query)
        chosen, listing = self._list(read_view(query))
        view = listing.view
        page = fill(
            "runs.html.j2",
            base,
            here="runs",
            listing=listing,
            view=view,
            passed_over=passed_over(query),
            everything=View(hide=view.hide, sort=view.sort, order=view.order).link(),
            trend=make_trend(chosen, view.trend),
            n_ready=sum(run.report is not None for run in listing.rows),
            n_columns=sum(map(view.shows, COLUMNS)) - view.shows("when") - view.shows("note"),
        )
        return Answer(page)

    @told_where_unreadable
    def all_runs_csv(self, query: Query | Mapping[str, str]) -> Answer:
        """Return the runs that pass the filters as CSV, all of them.

        A script does not see that a filter was passed over: it is answered with what is wrong.
        """
        query = list(query.items() if isinstance(query, Mapping) else query)
        if problem := passed_over(query):
            return Answer(f"{problem}\n", 400, "text/plain; charset=utf-8")
        runs = choose(self.library.runs(), read_view(query))
        return download(runs_csv(runs), "runs.csv")

    @told_where_unreadable
    def compared(self, keys: Sequence[str], *, base: str) -> Answer:
        """Return two to six runs side by side; without any, a choice of them."""
        keys = [key for key in dict.fromkeys(keys) if key.strip()]
        found = [each for key in keys[: MAX_RUNS + 1] if (each := self._read_whole(key))]
        comparison = compare(found)
        others = [run for run in self.library.glance() if run.report and run.key not in keys]
        names = [run.key for run in others]
        if comparison is None or len(found) < len(keys):
            chosen = [run for run, _ in found]
            page = fill(
                "choose.html.j2",
                base,
                here="compare",
                max_runs=MAX_RUNS,
                n_asked=len(keys),
                missing=[key for key in keys if key not in {run.key for run in chosen}],
                chosen=chosen,
                listed=others[:_N_LISTED],
                others=names[_N_LISTED:],
            )
            return Answer(page, 404 if keys else 200)
        compared = make_compare_page(self.home, comparison, self.tests, others=names)
        return Answer(fill("compare.html.j2", base, here="compare", page=compared))

    @told_where_unreadable
    def champion(self, *, base: str) -> Answer:
        """Return the champion's history."""
        page = make_champion_page(self.home, self.library.glance())
        return Answer(fill("champion.html.j2", base, here="champion", page=page))

    @told_where_unreadable
    def batches(self, *, base: str) -> Answer:
        """Return the list of scored batches."""
        batches = read_batches(self.home)
        return Answer(fill("scores_list.html.j2", base, here="scores", batches=batches))

    def scores(self, name: str, *, base: str) -> Answer:
        """Return the page of one scored batch, or why there is none."""
        return batch_page(self.home, name, base=base)

    def scores_csv(self, name: str, *, base: str) -> Answer:
        """Return a batch's table, if it is what was written."""
        return batch_table(self.home, name, base=base)

    @told_where_unreadable
    def note(self, key: str, *, base: str, may_write: bool, form: NoteForm | None = None) -> Answer:
        """Return the page on which a run's note is read and changed; `form` is what was sent.

        Saved, it leads back to itself.
        """
        run = self._find(key)
        if run is None:
            return show(Notice("no run", NO_SUCH_RUN, key, status=404), base)
        page = NotePage(self.home, run, base=base, may_write=may_write)
        return page.answer() if form is None else page.saved(form, now=self.clock())

    def _list(self, view: View) -> tuple[list[RunFacts], TablePage]:
        """Choose runs; what is shown of them is checked, and chosen anew if it is damaged."""
        while True:
            runs = self.library.glance()
            listing, chosen = make_listing(runs, view), choose(runs, view)
            by_time = sorted(chosen, key=lambda run: (run.started, run.key), reverse=True)
            if self.library.check([*listing.rows, *trend_runs(by_time)]):
                return by_time, listing

    def _read_whole(self, key: str) -> tuple[RunFacts, ReportRecord] | None:
        """Read a run with all of its report; None where it has none to rely on."""
        run = self._find(key)
        if run is None or run.report is None:
            return None
        try:
            return run, read_report(self.home.run(key))
        except CxrError:  # whole, but not as this version of the project reads it
            return None

    def _find(self, key: str) -> RunFacts | None:
        try:
            return self.library.find(key)
        except ConfigError:
            return None
