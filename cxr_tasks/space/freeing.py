"""What may go, and its removal while nobody works on the volume: each thing whole or not at all."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cxr_tasks.champion.versions import finished_versions
from cxr_tasks.errors import CxrError
from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.rules import Needs, needs, runs_beyond
from cxr_tasks.space.run_state import RunState, run_states
from cxr_tasks.volume.files import owner_of_leftover
from cxr_tasks.volume.locks import volume_alone
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import find_record
from cxr_tasks.volume.size import as_size, weigh

Kind = Literal["leftover", "run", "data set", "activations", "lung masks", "Kaggle download"]

REASONS: dict[Kind, str] = {
    "leftover": "what killed work did not finish",
    "run": "beyond the rule for runs",
    "data set": "named by no run and no champion version",
    "activations": "of images that no run going on, nor the newest, nor the champion uses",
    "lung masks": "of images that no run going on, nor the newest, nor the champion uses",
    "Kaggle download": "named by no run, nor by the defaults of scheduled runs",
}
"""Why things go, in the order in which they go: a run that is gone needs no data set."""

_MAKERS_PLACES = ("runs", "datasets", "champion", "scores", "cache")

Note = Callable[[str], object]


def plural_of(kind: Kind) -> str:
    """Return the name of several things of a kind."""
    return kind if kind.endswith("s") else f"{kind}s"


@dataclass(frozen=True)
class Choice:
    """What of one kind may go; `blocked` says why nothing of it may, where that is so."""

    paths: Sequence[Path] = ()
    blocked: str = ""


@dataclass(frozen=True)
class Plan:
    """By what is chosen what may go from a shared volume."""

    home: Home  # the shared volume
    retention: Retention  # which runs stay
    now: float  # in seconds since 1970
    leftovers: Sequence[Path]  # what unfinished work, killed or not, has beside its place
    scheduled_downloads: frozenset[str]  # the Kaggle data sets of scheduled runs

    def choose(self, kind: Kind, states: Sequence[RunState]) -> Choice:
        """Choose what of one kind may go where these are the runs that are there."""
        if kind == "leftover":
            return Choice(_leftovers(self.home, self.leftovers))
        if kind == "run":
            return self._choose_runs(states)
        known = needs(self.home, states, scheduled_downloads=self.scheduled_downloads, now=self.now)
        if known.unknown:
            return Choice(blocked=known.unknown)
        return Choice(_UNNEEDED[kind](self.home, known))

    def foresee(self, states: Sequence[RunState]) -> dict[Kind, Choice]:
        """Choose everything as if what is chosen were gone already."""
        gone = {path.name for path in self._choose_runs(states).paths}
        staying = [state for state in states if state.run.key not in gone]
        return {kind: self.choose(kind, states if kind == "run" else staying) for kind in REASONS}

    def _choose_runs(self, states: Sequence[RunState]) -> Choice:
        versions = finished_versions(self.home)
        going = runs_beyond(states, versions, retention=self.retention, now=self.now)
        unknown = [state.problem for state in states if state.problem and state not in going]
        if going and unknown:  # that run may have the results of one of these
            return Choice(blocked=unknown[0])
        roots = [state.run.root for state in going]
        return Choice([root for root in roots if not root.is_symlink()])  # a link lies elsewhere


@dataclass
class Freed:
    """What became of what could go."""

    n_bytes: int = 0  # how many bytes were freed
    # how many things went, by kind
    n: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    failed: list[str] = field(default_factory=list)  # those that could not be removed, and why


def free(plan: Plan, *, wait_seconds: float, note: Note) -> Freed | None:
    """Remove everything that may go, one kind after another.

    Args:
        plan: Says what may go.
        wait_seconds: For so long a moment is waited for at which nobody works on the volume.
        note: Told each thing that is removed, or left and why.

    Returns:
        None where there was no such moment, and nothing was removed.
    """
    freed = Freed()
    with volume_alone(plan.home, wait_seconds=wait_seconds) as is_alone:
        if not is_alone:
            return None
        for kind in REASONS:
            choice = plan.choose(kind, run_states(plan.home))
            if choice.blocked:
                note(f"left: all {plural_of(kind)}. {choice.blocked}")
            # all are renamed before the first is deleted: a kill leaves leftovers, no halves
            for path, aside in [*_set_aside(choice.paths, kind, freed, note)]:
                _delete(aside, kind, freed, note, name=str(path.relative_to(plan.home.root)))
    return freed


def _set_aside(
    paths: Sequence[Path], kind: Kind, freed: Freed, note: Note
) -> Iterator[tuple[Path, Path]]:
    """Rename what goes, so that no reader sees half of it; yield old and new place of each."""
    for path in paths:
        owner = owner_of_leftover(path.name) or path.name
        aside = path.with_name(f".{owner}.removed-{secrets.token_hex(4)}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            continue
        except OSError as err:
            _fail(path, kind, err, freed, note)
        else:
            yield path, aside


def _delete(aside: Path, kind: Kind, freed: Freed, note: Note, *, name: str) -> None:
    n_bytes = weigh(aside).n_free_bytes
    try:
        if aside.is_dir() and not aside.is_symlink():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)
    except OSError as err:
        _fail(aside, kind, err, freed, note)
        return
    freed.n[kind] += 1
    freed.n_bytes += n_bytes
    note(f"removed: {name}, {as_size(n_bytes)}")


def _fail(path: Path, kind: Kind, err: OSError, freed: Freed, note: Note) -> None:
    failure = f"{kind} {path}: {err.strerror}"
    freed.failed.append(failure)
    note(f"not removed: {failure}")


def _leftovers(home: Home, found: Sequence[Path]) -> list[Path]:
    """Choose the leftovers of this project; others keep files on the volume too."""
    chosen = []
    for path in found:
        place, *below = path.relative_to(home.root).parts
        if place in _MAKERS_PLACES if below else owner_of_leftover(place) == "watch.json":
            chosen.append(path)
    return chosen


def _datasets(home: Home, known: Needs) -> list[Path]:
    return [path for path in _folders(home.datasets) if path.name not in known.datasets]


def _activations(home: Home, known: Needs) -> list[Path]:
    from cxr_tasks.training.activations import ActivationsRecord

    return _of_images(home.cache / "activations", ActivationsRecord, home, known)


def _lungs(home: Home, known: Needs) -> list[Path]:
    from cxr_tasks.lungs.store import LungsRecord

    return _of_images(home.cache / "lungs", LungsRecord, home, known)


def _of_images(place: Path, record: type[StageRecord], home: Home, known: Needs) -> list[Path]:
    """Choose what was computed of images that are not used soon again.

    Whoever wants it later has it computed again, with the same numbers. When it was used last does
    not count: shared volumes often do not keep it.
    """
    from cxr_tasks.data.dataset import DatasetRecord

    stored = [home.datasets / fingerprint for fingerprint in known.activations_of]
    used = {_recorded_digest(folder, DatasetRecord, "outputs", "images.npy") for folder in stored}
    return [
        folder
        for folder in _folders(place)
        if _recorded_digest(folder, record, "inputs", "images") not in used - {None}
    ]


def _downloads(home: Home, known: Needs) -> list[Path]:
    """Choose the Kaggle downloads, begun ones too, that nothing comes from.

    A download that is named stays although its images are ingested: Kaggle's answer to whether
    it is current is compared with it, and without it every run would fetch it again.
    """
    needed = {handle.replace("/", ".") for handle in known.downloads}
    found = []
    for path in _folders(home.cache / "kaggle", hidden=True):
        name = path.name.removeprefix(".").removesuffix(".partial")
        is_one = path.name in (name, f".{name}.partial") and name.count(".") in (1, 2)
        if is_one and name not in needed:
            found.append(path)
    return found


_UNNEEDED: dict[Kind, Callable[[Home, Needs], list[Path]]] = {
    "data set": _datasets,
    "activations": _activations,
    "lung masks": _lungs,
    "Kaggle download": _downloads,
}


def _recorded_digest(
    folder: Path, model: type[StageRecord], part: Literal["inputs", "outputs"], name: str
) -> str | None:
    """Return a digest that a folder's record states; None where no record can be read."""
    try:
        record = find_record(folder, model)
    except CxrError:
        return None
    return None if record is None else getattr(record, part).get(name)


def _folders(place: Path, *, hidden: bool = False) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(
        path
        for path in place.iterdir()
        if path.is_dir() and not path.is_symlink() and (hidden or path.name[0] != ".")
    )
