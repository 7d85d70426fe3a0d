"""The table of runs: which are shown, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cxr_tasks.site.run_facts import Measure, RunFacts
from cxr_tasks.site.view import SORTS, View
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import NONE

PAGE_SIZE = 50
_VERDICTS = ("clean", "warning", "shortcut")
_Key = Callable[[RunFacts], float | str | None]


@dataclass(frozen=True)
class TablePage:
    """One page of the table."""

    rows: tuple[RunFacts, ...]
    n_runs: int  # that pass the filters
    n_all: int  # that there are
    n_pages: int
    view: View


def make_listing(runs: Sequence[RunFacts], view: View) -> TablePage:
    """Filter and sort the runs, and cut the page out that is asked for, or the last there is."""
    chosen = choose(runs, view)
    n_pages = max(1, -(-len(chosen) // PAGE_SIZE))
    view = replace(view, page=min(max(1, view.page), n_pages))
    first = (view.page - 1) * PAGE_SIZE
    return TablePage(
        tuple(chosen[first : first + PAGE_SIZE]), len(chosen), len(runs), n_pages, view
    )


def choose(runs: Sequence[RunFacts], view: View) -> list[RunFacts]:
    """Return the runs that pass the filters, sorted.

    Equals and those without a value stand in the order they came: the newest first.
    """
    words = view.q.casefold().split()
    keyed = [(_KEYS[view.sort](run), run) for run in runs if _passes(run, view, words)]
    known = [(key, run) for key, run in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=view.order == "desc")
    return [run for _, run in known] + [run for key, run in keyed if key is None]


def _passes(run: RunFacts, view: View, words: Sequence[str]) -> bool:
    for name, value in view.filters.items():
        if name != "q" and value not in _VALUES[name](run):
            return False
    text = _text_of(run) if words else ""
    return all(word in text for word in words)


def _text_of(run: RunFacts) -> str:
    """Return all that is searched, in small letters."""
    report, said = run.report, run.said
    parts = [run.key, run.version]
    if report:
        parts += [report.data, report.profile, _recommended(run), *report.tags]
    if report and report.recommended in VARIANTS:
        parts.append(VARIANTS[report.recommended].title)
    if said:
        parts += [said.text, said.by, *said.tags]
    return "\n".join(parts).casefold()


def _recommended(run: RunFacts) -> str:
    return (run.report.recommended or NONE) if run.report else ""


_VALUES: dict[str, Callable[[RunFacts], tuple[str, ...]]] = {
    "profile": lambda run: (run.profile,),
    "source": lambda run: (run.source,),
    "verdict": lambda run: (run.report.verdict,) if run.report else (),
    "variant": lambda run: (_recommended(run),),
    "state": lambda run: (run.state,),
    "task": lambda run: run.tasks,
    "tag": lambda run: run.said.tags if run.said else (),
}
"""What a run has of each filter."""


def _of_variant(name: str, measure: Measure) -> _Key:
    def key(run: RunFacts) -> float | None:
        return run.report.variants[name].figure(measure).value if run.report else None

    return key


def _key_of(sort: str) -> _Key:
    name, _, measure = sort.partition(".")
    return _of_variant(name, "roc_auc" if measure == "roc_auc" else "accuracy")


_KEYS: dict[str, _Key] = {
    **{sort: _key_of(sort) for sort in SORTS if "." in sort},
    "when": lambda run: run.started,
    "run": lambda run: run.key.lower(),
    "data": lambda run: run.report.data.lower() if run.report else None,
    "profile": lambda run: run.report.profile if run.report else None,
    "verdict": lambda run: _VERDICTS.index(run.report.verdict) if run.report else None,
    "recommended": lambda run: run.report.recommended if run.report else None,
    "duration": lambda run: run.duration_seconds if run.report else None,
}
"""By what each sort goes; None stands last, whichever way it is sorted."""
