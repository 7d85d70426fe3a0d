"""What a person has asked to see of the runs, as an address says it: it can be shared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from cxr_tasks.errors import ConfigError, first_few
from cxr_tasks.runs.notes import is_tag
from cxr_tasks.settings import PROFILES, SETTINGS
from cxr_tasks.site.run_facts import Measure, State
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import STAGES, StageName
from cxr_tasks.wording import NONE, VERDICT_NAMES, first_unseen, one_line

Query = Iterable[tuple[str, str]]

TREND_MEASURES: dict[Measure, str] = {"accuracy": "Accuracy", "roc_auc": "ROC AUC"}
COLUMNS = {
    "when": "When",
    "data": "Data",
    "profile": "Profile",
    "verdict": "Verdict",
    "recommended": "Recommended",
    **{name: variant.title for name, variant in VARIANTS.items()},
    "duration": "Duration",
    "note": "Notes",
}
"""What can be hidden; the run's name stays."""

SORTS = (
    "when",
    "run",
    "data",
    "profile",
    "verdict",
    "recommended",
    "duration",
    *(f"{name}.{measure}" for name in VARIANTS for measure in TREND_MEASURES),
)
"""By what the table can be sorted."""

TASKS = tuple(stage for stage in STAGES if stage != "fold")
"""Tasks of a run's DAG, by which runs are filtered that failed there or were seen there last."""

_MAX_SEARCH = 200
_TITLES = {name: variant.title for name, variant in VARIANTS.items()} | {NONE: NONE}


@dataclass(frozen=True)
class Filter:
    """A choice by which runs are left out; `choices` has its values with their names."""

    title: str
    choices: Mapping[str, str]


FILTERS: dict[str, Filter] = {
    "profile": Filter("Profile", {name: name for name in PROFILES}),
    "source": Filter("Source", {name: name for name in SETTINGS["source"].choices}),
    "verdict": Filter("Verdict", VERDICT_NAMES),
    "variant": Filter("Recommended", _TITLES),
    "state": Filter("State", {name: name for name in get_args(State)}),
    "task": Filter("Task", {name: name for name in TASKS}),
}


@dataclass(frozen=True)
class View:
    """What a person has asked to see of the runs; an empty filter leaves out none."""

    q: str = ""
    profile: str = ""
    source: str = ""
    verdict: str = ""
    variant: str = ""
    state: str = ""
    task: StageName | Literal[""] = ""
    tag: str = ""
    hide: tuple[str, ...] = ()
    sort: str = "when"
    order: Literal["asc", "desc"] = "desc"
    page: int = 1
    trend: Measure = "accuracy"

    @property
    def filters(self) -> dict[str, str]:
        """What runs are left out by, with its value."""
        names = ("q", *FILTERS, "tag")
        return {name: value for name in names if (value := getattr(self, name))}

    def shows(self, column: str) -> bool:
        """Return whether a column is shown."""
        return column not in self.hide

    def link(self, **changes: Any) -> str:
        """Return the query that asks for this with something else instead; empty for the usual."""
        pairs = replace(self, **changes).pairs()
        return "?" + urlencode(pairs) if pairs else "?"

    def pairs(self, *, leave_out: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Return what is not as usual as names and values of an address."""
        usual, found = View(), list[tuple[str, str]]()
        for each in fields(self):
            value = getattr(self, each.name)
            if value == getattr(usual, each.name) or each.name in leave_out:
                continue
            values = value if isinstance(value, tuple) else (value,)
            found += [(each.name, str(one)) for one in values]
        return found

    def sort_link(self, sort: str) -> str:
        """Return the query that sorts by this; asked twice, the other way round."""
        turned = sort == self.sort and self.order == "desc"
        return self.link(sort=sort, order="asc" if turned else "desc", page=1)


def read_view(query: Query | Mapping[str, str]) -> View:
    """Read an address's query; what means nothing is as if it were not there (`passed_over`)."""
    pairs = _pairs(query)
    last = dict(pairs)
    given = last.get
    page, tag = given("page", ""), given("tag", "")
    filters: dict[str, Any] = {
        name: last[name] for name, each in FILTERS.items() if last.get(name) in each.choices
    }
    return View(
        q=_searched(given("q", "")),
        **filters,
        tag=tag if is_tag(tag) else "",
        hide=tuple(name for name in COLUMNS if ("hide", name) in pairs),
        sort=last["sort"] if given("sort") in SORTS else "when",
        order="asc" if given("order") == "asc" else "desc",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        trend="roc_auc" if given("trend") == "roc_auc" else "accuracy",
    )


def passed_over(query: Query | Mapping[str, str]) -> ConfigError | None:
    """Return what is wrong with an address's query, of which `read_view` does not take all.

    Whoever asked for some runs and is shown all of them has to be told.
    """
    pairs = _pairs(query)
    view = read_view(pairs)
    found = [
        f"{one_line(name, 40)}={one_line(value, 60)}"
        for name, value in pairs
        if value.strip() and not _is_taken(view, name, value)
    ]
    if not found:
        return None
    return ConfigError(
        f"Of this address {first_few(found)} {'has' if len(found) == 1 else 'have'} no meaning.",
        f"A search has at most {_MAX_SEARCH} characters, all of them visible; everything else is "
        "there once, as the form of all runs writes it.",
        "Correct the address, or choose in the form of all runs.",
    )


def _pairs(query: Query | Mapping[str, str]) -> list[tuple[str, str]]:
    return list(query.items() if isinstance(query, Mapping) else query)


def _is_taken(view: View, name: str, value: str) -> bool:
    """Return whether a view is as one part of an address wants it."""
    if name not in (each.name for each in fields(View)):
        return False
    if name == "hide":
        return value in view.hide
    asked = read_view([(name, value)])
    return bool(asked.pairs() or value == str(getattr(asked, name))) and (
        getattr(asked, name) == getattr(view, name)
    )


def _searched(text: str) -> str:
    words = " ".join(text.split())
    return words if not first_unseen(words) and len(words) <= _MAX_SEARCH else ""
