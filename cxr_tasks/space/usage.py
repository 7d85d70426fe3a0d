"""What lies on the shared volume, and how much of it each kind of thing uses."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cxr_tasks.volume.files import owner_of_leftover
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.size import FileId, weigh

KINDS = {
    "runs": "runs",
    "datasets": "data sets",
    "champion": "champion versions",
    "scores": "scores",
    "notes": "notes on runs",
    "cache/activations": "cache: activations of frozen layers",
    "cache/lungs": "cache: lung masks",
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


@dataclass
class Usage:
    """What the shared volume holds."""

    # by kind, as in `KINDS`; leftovers apart
    shares: dict[str, Share] = field(default_factory=lambda: {kind: Share() for kind in KINDS})
    run_bytes: dict[str, int] = field(default_factory=dict)  # the size of each run by its name
    leftovers: list[Path] = field(default_factory=list)  # files and folders that killed work left
    n_unreadable: int = 0  # folders that may not be read, and count nowhere
    n_disk_bytes: int = 0  # of the file system that it lies on
    n_disk_free_bytes: int = 0  # of these, free


def measure_usage(home: Home) -> Usage:
    """Measure everything; a file with several names counts once, for the first of `KINDS`."""
    disk = shutil.disk_usage(home.root)
    usage = Usage(n_disk_bytes=disk.total, n_disk_free_bytes=disk.free)
    counted: set[FileId] = set()
    for kind in KINDS:
        for entry in _entries(home.root / kind):
            if (f"{kind}/{entry.name}" if kind else entry.name) not in KINDS:
                _count(entry, kind, usage, counted)
    return usage


def _count(entry: "os.DirEntry[str]", kind: str, usage: Usage, counted: set[FileId]) -> None:
    path = Path(entry.path)
    if owner_of_leftover(entry.name):
        usage.leftovers.append(path)
        return
    weight = weigh(path, counted=counted)
    usage.shares[kind].n += entry.is_dir(follow_symlinks=False) and entry.name[0] != "."
    usage.shares[kind].n_bytes += weight.n_bytes
    usage.leftovers += weight.leftovers
    usage.n_unreadable += weight.n_unreadable
    if kind == "runs":
        usage.run_bytes[entry.name] = weight.n_bytes


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
