"""Which runs may go: by number and age, and never those that something still rests on."""

from collections.abc import Iterable, Mapping, Sequence

from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.needs import Version
from cxr_tasks.space.run_state import UNFINISHED_DAYS, RunState, newest_finished

RULE = (
    "A run goes when at least N runs have changed since it last did (keep_runs; those that ended "
    "early because nothing was new are not counted), and when that was more than D days ago "
    "(keep_days). With both, both have to hold; with neither, no run ever goes. "
    "Never: a run that a champion version was made from, also a retired one, as long as that "
    "version is there; the newest finished run; a run that a run which stays names as the one it "
    "would have repeated; a run at work; one that changed within the last day; and one without a "
    "report that changed within the last D days (7 without keep_days)."
)
"""For the help."""

_FINISHED_DAYS = 1
"""Between two of its stages a run holds no lock; what happened just now may go on."""


def runs_beyond(
    states: Sequence[RunState], versions: Iterable[Version], *, retention: Retention, now: float
) -> list[RunState]:
    """Name the runs that go; first those that name others.

    Args:
        states: All runs.
        versions: All versions of the champion.
        retention: How many runs stay, and for how long.
        now: In seconds since 1970.
    """
    beyond = [state for state in states if _is_beyond(state, states, retention, now=now)]
    kept_why = reasons_to_keep(states, versions, staying=[s for s in states if s not in beyond])
    going = [state for state in beyond if state.run.key not in kept_why]
    return sorted(going, key=lambda state: (state.unchanged_since is None, state.changed_at))


def reasons_to_keep(
    states: Iterable[RunState], versions: Iterable[Version], *, staying: Iterable[RunState]
) -> Mapping[str, str]:
    """Say which runs something rests on, and what, by the run's name.

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
        version.run_key: f"champion version {version.name} was made from it" for version in versions
    }


def _is_beyond(
    state: RunState, states: Sequence[RunState], retention: Retention, *, now: float
) -> bool:
    if not retention.is_set:
        return False
    if state.days_since(now) <= _least_days(state, retention):
        return False
    n_newer = sum(
        other.changed_at > state.changed_at for other in states if not other.unchanged_since
    )
    return retention.keep_runs is None or n_newer >= retention.keep_runs


def _least_days(state: RunState, retention: Retention) -> int:
    least = _FINISHED_DAYS if state.finished or state.unchanged_since else UNFINISHED_DAYS
    return least if retention.keep_days is None else retention.keep_days
