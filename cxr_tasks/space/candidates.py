"""What may go now, by kind: each thing with the locks of its makers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxr_tasks.errors import CxrError
from cxr_tasks.space.locks import (
    handle_of,
    kaggle_folder,
    lock_of_activations,
    lock_of_dataset,
    locks_of_leftover,
    locks_of_run,
)
from cxr_tasks.space.needs import Needs, images_digest
from cxr_tasks.space.run_state import RunState
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import find_record
from cxr_tasks.volume.size import weigh

Kind = Literal["leftover", "run", "data set", "activations", "Kaggle download"]

REASONS: dict[Kind, str] = {
    "leftover": "what killed work did not finish",
    "run": "beyond the rule for runs",
    "data set": "named by no run and no champion version",
    "activations": "of images that no run at work, nor the newest, nor the champion uses",
    "Kaggle download": "named by no run, nor by the defaults of scheduled runs",
}
"""Why things go, in the order in which they go: a run that is gone needs no data set."""

PLURALS: dict[Kind, str] = {
    "leftover": "leftovers",
    "run": "runs",
    "data set": "data sets",
    "activations": "activations",
    "Kaggle download": "Kaggle downloads",
}


@dataclass(frozen=True)
class Candidate:
    """A file or folder that may go.

    Attributes:
        kind: What it is.
        path: Where it lies.
        locks: Those of its makers.
    """

    kind: Kind
    path: Path
    locks: tuple[Path, ...]

    def n_free_bytes(self) -> int:
        """Measure how many bytes become free with it."""
        return weigh(self.path).n_free_bytes


def of_leftovers(home: Home, paths: Iterable[Path]) -> list[Candidate]:
    """Give what killed work left, where it is known whose it was and it is still there."""
    guarded = [(path, locks_of_leftover(home, path)) for path in paths if path.exists()]
    return [Candidate("leftover", path, tuple(locks)) for path, locks in guarded if locks]


def of_runs(states: Iterable[RunState]) -> list[Candidate]:
    """Give the runs that a rule has chosen; one that is linked lies elsewhere, and stays."""
    return [
        Candidate("run", state.run.root, tuple(locks_of_run(state.run)))
        for state in states
        if not state.run.root.is_symlink()
    ]


def of_datasets(home: Home, needs: Needs) -> list[Candidate]:
    """Give the data sets that nothing needs."""
    return [
        Candidate("data set", path, (lock_of_dataset(home, path.name),))
        for path in _folders(home.datasets)
        if path.name not in needs.datasets
    ]


def of_activations(home: Home, needs: Needs) -> list[Candidate]:
    """Give the activations of images that are not used soon again.

    Whoever wants them later has them computed again, with the same numbers. When they were used
    last does not count: shared volumes often do not keep it.
    """
    used = {images_digest(home, fingerprint) for fingerprint in needs.activations_of}
    return [
        Candidate("activations", path, (lock_of_activations(home, path.name),))
        for path in _folders(home.cache / "activations")
        if _images_of(path) not in used - {None}
    ]


def of_downloads(home: Home, needs: Needs) -> list[Candidate]:
    """Give the Kaggle downloads, begun ones too, that nothing comes from.

    A download that is named stays although its images are ingested: Kaggle's answer to whether
    it is current is compared with it, and without it every run would fetch it again.
    """
    needed = {kaggle_folder(home, handle).finished.name for handle in needs.downloads}
    found = []
    for path in _folders(home.cache / "kaggle", hidden=True):
        name = path.name.removeprefix(".").removesuffix(".partial")
        is_one = path.name == name or path.name == f".{name}.partial"
        if is_one and name.count(".") in (1, 2) and name not in needed:
            place = kaggle_folder(home, handle_of(name))
            found.append(Candidate("Kaggle download", path, (place.lock,)))
    return found


def _folders(place: Path, *, hidden: bool = False) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(
        path
        for path in place.iterdir()
        if path.is_dir() and not path.is_symlink() and (hidden or path.name[0] != ".")
    )


def _images_of(folder: Path) -> str | None:
    """Give the digest of the images that activations are of; None where that is not known."""
    try:
        record = find_record(folder, "activations")
    except CxrError:
        return None
    return None if record is None else str(record["inputs"]["images"])
