"""What stays: which runs, by number and age; and what runs and champion versions still need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxr_tasks.champion.pointer import serving
from cxr_tasks.champion.versions import finished_versions, run_key_of, version_record
from cxr_tasks.errors import CxrError
from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.run_state import UNFINISHED_DAYS, RunState, newest_finished
from cxr_tasks.volume.paths import Home

RULE = (
    "A run goes when at least N runs have changed since it last did (keep_runs; those that ended "
    "early because nothing was new are not counted), and when that was more than D days ago "
    "(keep_days). With both, both have to hold; with neither, no run ever goes. "
    "Never: a run that a champion version was made from, also a retired one, as long as that "
    "version is there; the newest finished run; a run that a run which stays names as the one it "
    "would have repeated; one that changed within the last day; and one without a "
    "report that changed within the last D days (7 without keep_days)."
)
"""For the help."""

_FINISHED_DAYS = 1
"""Between two of its stages nobody works on a run; what happened just now may go on."""


@dataclass(frozen=True)
class Needs:
    """What must stay."""

    datasets: frozenset[str]  # fingerprints
    # fingerprints of the data sets whose activations are used soon again
    activations_of: frozenset[str]
    downloads: frozenset[str]  # Kaggle data sets, OWNER/SLUG
    unknown: str = ""  # why it is not known which data sets are needed; empty where it is


def runs_beyond(
    states: Sequence[RunState], versions: Iterable[str], *, retention: Retention, now: float
) -> list[RunState]:
    """Name the runs that go; first those that name others.

    Args:
        states: All runs.
        versions: All versions of the champion, also those that never served.
        retention: How many runs stay, and for how long.
        now: In seconds since 1970.
    """
    beyond = [state for state in states if _is_beyond(state, states, retention, now=now)]
    kept_why = reasons_to_keep(states, versions, staying=[s for s in states if s not in beyond])
    going = [state for state in beyond if state.run.key not in kept_why]
    return sorted(going, key=lambda state: (state.unchanged_since is None, state.changed_at))


def reasons_to_keep(
    states: Iterable[RunState], versions: Iterable[str], *, staying: Iterable[RunState]
) -> Mapping[str, str]:
    """Name the runs that something rests on, each with what does.

    Args:
        states: All runs.
        versions: All versions of the champion.
        staying: The runs that stay whatever rests on them.
    """
    reasons = {
        state.unchanged_since: f"run {state.run.key} has its results"
        for state in staying
        if state.unchanged_since
    }
    newest = newest_finished(states)
    if newest is not None:
        reasons[newest.run.key] = "the newest finished run"
    return reasons | {
        run_key_of(version): f"champion version {version} was made from it" for version in versions
    }


def needs(
    home: Home, states: Iterable[RunState], *, scheduled_downloads: Iterable[str], now: float
) -> Needs:
    """Find what runs and champion versions need.

    A run's data sets, and every version's: `predict` and drift look images up in them. The
    activations of the data sets of runs that go on, of the newest one, and of the champion that
    a run is compared with. The Kaggle downloads that runs or scheduled runs come from.

    Args:
        home: The shared volume.
        states: The runs that stay.
        scheduled_downloads: The Kaggle data sets of scheduled runs.
        now: In seconds since 1970.
    """
    states, known, serves = list(states), dict[str, str](), None
    problems = [state.problem for state in states if state.problem]
    try:
        for version in finished_versions(home):
            known[version] = version_record(home, version).dataset
        serves = serving(home)
    except CxrError as err:
        problems.append(err.problem)
    newest = newest_finished(states)
    busy = [state for state in states if state == newest or _goes_on(state, now)]
    compared = {serves, *(state.champion for state in busy)}
    return Needs(
        datasets=_datasets_of(states) | set(known.values()),
        activations_of=_datasets_of(busy) | {known[name] for name in known if name in compared},
        downloads=frozenset(scheduled_downloads).union(*(state.downloads for state in states)),
        unknown=problems[0] if problems else "",
    )


def _is_beyond(
    state: RunState, states: Sequence[RunState], retention: Retention, *, now: float
) -> bool:
    if not retention.is_set:
        return False
    is_over = state.finished or state.unchanged_since
    usual_days = _FINISHED_DAYS if is_over else UNFINISHED_DAYS
    min_days = usual_days if retention.keep_days is None else retention.keep_days
    if state.days_since(now) <= min_days:
        return False
    n_newer = sum(
        other.changed_at > state.changed_at for other in states if not other.unchanged_since
    )
    return retention.keep_runs is None or n_newer >= retention.keep_runs


def _goes_on(state: RunState, now: float) -> bool:
    is_over = state.finished or state.unchanged_since
    return not is_over and state.days_since(now) <= UNFINISHED_DAYS


def _datasets_of(states: Iterable[RunState]) -> frozenset[str]:
    return frozenset[str]().union(*(state.datasets for state in states))
