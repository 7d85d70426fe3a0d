"""The table of runs: which are shown, and in which order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from cxr_tasks.site.run_facts import Measure, RunFacts
from cxr_tasks.variants import VARIANTS

PAGE_SIZE = 50
MEASURES: dict[Measure, str] = {"accuracy": "Accuracy", "roc_auc": "ROC AUC"}
_VERDICTS = ("clean", "warning", "shortcut")
_Key = Callable[[RunFacts], float | str | None]


def _of_variant(name: str, measure: Measure) -> _Key:
    def key(run: RunFacts) -> float | None:
        return run.report.variants[name].figure(measure).value if run.report else None

    return key


SORTS: dict[str, _Key] = {
    "when": lambda run: run.started,
    "run": lambda run: run.key.lower(),
    "data": lambda run: run.report.data.lower() if run.report else None,
    "profile": lambda run: run.report.profile if run.report else None,
    "verdict": lambda run: _VERDICTS.index(run.report.verdict) if run.report else None,
    "recommended": lambda run: run.report.recommended if run.report else None,
    "duration": lambda run: run.duration_seconds if run.report else None,
    **{
        f"{name}.{measure}": _of_variant(name, measure) for name in VARIANTS for measure in MEASURES
    },
}
"""By what the table can be sorted; None stands last, whichever way it is sorted."""


@dataclass(frozen=True)
class View:
    """What a person has asked to see of the runs."""

    sort: str = "when"
    order: Literal["asc", "desc"] = "desc"
    page: int = 1
    trend: Measure = "accuracy"

    def link(self, **changes: object) -> str:
        """Return the query that asks for this with something else instead."""
        other = replace(self, **changes)  # type: ignore[arg-type]  # by name, from the templates
        return "?" + urlencode({name: getattr(other, name) for name in self.__dataclass_fields__})

    def sort_link(self, sort: str) -> str:
        """Return the query that sorts by this; asked twice, the other way round."""
        turned = sort == self.sort and self.order == "desc"
        return self.link(sort=sort, order="asc" if turned else "desc", page=1)


@dataclass(frozen=True)
class TablePage:
    """One page of the table."""

    rows: tuple[RunFacts, ...]
    n_runs: int
    n_pages: int
    view: View


def read_view(query: Mapping[str, str]) -> View:
    """Read an address's query; what means nothing is as if it were not there."""
    page = query.get("page", "")
    return View(
        sort=query.get("sort", "") if query.get("sort") in SORTS else "when",
        order="asc" if query.get("order") == "asc" else "desc",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        trend="roc_auc" if query.get("trend") == "roc_auc" else "accuracy",
    )


def make_listing(runs: list[RunFacts], view: View) -> TablePage:
    """Sort the runs and cut the page out that is asked for, or the last there is."""
    n_pages = max(1, -(-len(runs) // PAGE_SIZE))
    view = replace(view, page=min(max(1, view.page), n_pages))
    first = (view.page - 1) * PAGE_SIZE
    rows = _sorted(runs, view)[first : first + PAGE_SIZE]
    return TablePage(tuple(rows), len(runs), n_pages, view)


def _sorted(runs: list[RunFacts], view: View) -> list[RunFacts]:
    """Sort, with equals and those without a value in the order they came: the newest first."""
    keyed = [(SORTS[view.sort](run), run) for run in runs]
    known = [(key, run) for key, run in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=view.order == "desc")
    return [run for _, run in known] + [run for key, run in keyed if key is None]
