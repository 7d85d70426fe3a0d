"""What on the shared volume is still needed, by runs that are there and by champion versions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cxr_tasks.champion.pointer import serving
from cxr_tasks.champion.versions import STAGE, run_key_of
from cxr_tasks.errors import CxrError
from cxr_tasks.space.locks import locks_of_run
from cxr_tasks.space.run_state import UNFINISHED_DAYS, RunState, newest_finished, read_state
from cxr_tasks.volume.locks import is_taken
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import find_record

_DATASET = "dataset"
"""The stage of a data set's record; the module that makes them imports pandas."""


@dataclass(frozen=True)
class Version:
    """One version of the champion, whether it serves or has served.

    Attributes:
        name: Of its folder.
        run_key: The run that made it.
        dataset: Fingerprint of the data set that it knows; None where its record is damaged.
        problem: What cannot be read.
    """

    name: str
    run_key: str
    dataset: str | None
    problem: str = ""


@dataclass(frozen=True)
class Needs:
    """What must stay.

    Attributes:
        datasets: Fingerprints.
        activations_of: Fingerprints of the data sets whose activations are used soon again.
        downloads: Kaggle data sets, OWNER/SLUG.
        unknown: Why it is not known which data sets are needed; empty where it is.
    """

    datasets: frozenset[str]
    activations_of: frozenset[str]
    downloads: frozenset[str]
    unknown: str = ""


def champion_versions(home: Home) -> list[Version]:
    """Read which data set each version of the champion knows, those that never served too."""
    found = []
    for path in sorted(home.champion.glob("[0-9]*-*/version.json")):
        name = path.parent.name
        try:
            record = find_record(path.parent, STAGE)
        except CxrError as err:
            found.append(Version(name, run_key_of(name), None, err.problem))
            continue
        if record is not None:
            found.append(Version(name, run_key_of(name), record["dataset"]))
    return found


def needs(
    home: Home, states: Iterable[RunState], *, scheduled_downloads: Iterable[str], now: float
) -> Needs:
    """Say what runs and champion versions need.

    A run's data sets, and every version's: `predict` and drift look images up in them. The
    activations of the data sets of runs that go on, of the newest one, and of the champion that
    a run is compared with. The Kaggle downloads that runs or scheduled runs come from.

    Args:
        home: The shared volume.
        states: The runs that stay.
        scheduled_downloads: The Kaggle data sets of scheduled runs.
        now: In seconds since 1970.
    """
    states = [_while_ingesting(state) for state in states]
    versions = champion_versions(home)
    problems = [state.problem for state in states if state.problem]
    problems += [version.problem for version in versions if version.problem]
    try:
        serves = serving(home)
    except CxrError as err:
        serves = None
        problems.append(err.problem)
    known = {version.name: version.dataset for version in versions if version.dataset}
    newest = newest_finished(states)
    busy = [state for state in states if state == newest or _may_compute(state, now)]
    compared = {known[name] for state in busy if (name := state.champion) in known and name}
    compared |= {known[serves]} if serves in known and serves else set()
    return Needs(
        datasets=_of_runs(states) | set(known.values()),
        activations_of=_of_runs(busy) | compared,
        downloads=frozenset(scheduled_downloads).union(*(state.downloads for state in states)),
        unknown=problems[0] if problems else "",
    )


def images_digest(home: Home, fingerprint: str) -> str | None:
    """Give the digest of a data set's images; None where it has no record that can be read."""
    try:
        record = find_record(home.datasets / fingerprint, _DATASET)
    except CxrError:
        return None
    return None if record is None else str(record["outputs"]["images.npy"])


def _of_runs(states: Iterable[RunState]) -> frozenset[str]:
    return frozenset[str]().union(*(state.datasets for state in states))


def _while_ingesting(state: RunState) -> RunState:
    """Look whether a run that does not say yet what it uses is just finding it out."""
    if state.is_ingested or state.problem:
        return state
    if is_taken(state.run.lock("ingest")):
        return replace(state, problem=f"The run {state.run.key} is being ingested.")
    return read_state(state.run)  # it may have ended between the two looks


def _may_compute(state: RunState, now: float) -> bool:
    """Say whether a run may use activations: one that goes on, or is at work again."""
    if state.unchanged_since:
        return False
    goes_on = not state.finished and state.days_since(now) <= UNFINISHED_DAYS
    return goes_on or any(map(is_taken, locks_of_run(state.run)))
