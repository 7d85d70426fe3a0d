"""One look at the whole shared volume: what lies on it, and how much each kind uses."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cxr_tasks.space.needs import Version, champion_versions
from cxr_tasks.space.run_state import RunState, run_states
from cxr_tasks.volume.leftovers import is_leftover
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.size import FileId, weigh

KINDS = {
    "runs": "runs",
    "datasets": "data sets",
    "champion": "champion versions",
    "scores": "scores",
    "cache/activations": "cache: activations of frozen layers",
    "cache/backbones": "cache: backbone weights",
    "cache/kaggle": "cache: Kaggle downloads",
    "cache": "cache: other",
    "": "all else",
}
"""Folders of the shared volume, in the order they are shown, and what a person calls them."""


@dataclass
class Share:
    """What one kind of thing uses."""

    n: int = 0
    n_bytes: int = 0


@dataclass(frozen=True)
class Survey:
    """What lies on the shared volume.

    Attributes:
        states: What each run says of itself.
        versions: Of the champion.
        shares: By kind, as in `KINDS`; leftovers apart.
        sizes: Of each run, in bytes, by its name.
        leftovers: Files and folders that killed work left.
        n_unreadable: Folders that may not be read, and count nowhere.
        n_disk_bytes: Of the file system that it lies on.
        n_disk_free_bytes: Of these, free.
    """

    states: list[RunState]
    versions: list[Version]
    shares: dict[str, Share]
    sizes: dict[str, int]
    leftovers: list[Path]
    n_unreadable: int
    n_disk_bytes: int
    n_disk_free_bytes: int


def survey(home: Home) -> Survey:
    """Look at everything; a file with several names counts once, for the first of `KINDS`."""
    states, versions = run_states(home), champion_versions(home)
    counting = _Counting()
    for kind in KINDS:
        for entry in _entries(home.root / kind):
            if (f"{kind}/{entry.name}" if kind else entry.name) not in KINDS:
                counting.add(kind, entry)
    disk = shutil.disk_usage(home.root)
    return Survey(
        states,
        versions,
        counting.shares,
        counting.sizes,
        counting.leftovers,
        counting.n_unreadable,
        disk.total,
        disk.free,
    )


@dataclass
class _Counting:
    counted: set[FileId] = field(default_factory=set)
    shares: dict[str, Share] = field(default_factory=lambda: {kind: Share() for kind in KINDS})
    sizes: dict[str, int] = field(default_factory=dict)
    leftovers: list[Path] = field(default_factory=list)
    n_unreadable: int = 0

    def add(self, kind: str, entry: "os.DirEntry[str]") -> None:
        path = Path(entry.path)
        if is_leftover(entry.name):
            self.leftovers.append(path)
            return
        weight = weigh(path, counted=self.counted)
        self.shares[kind].n += entry.is_dir(follow_symlinks=False) and entry.name[0] != "."
        self.shares[kind].n_bytes += weight.n_bytes
        self.leftovers += weight.leftovers
        self.n_unreadable += weight.n_unreadable
        if kind == "runs":
            self.sizes[entry.name] = weight.n_bytes


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
