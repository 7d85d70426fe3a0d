"""How much lies below a path; what vanishes while it is measured counts as gone."""

import errno
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cxr_tasks.volume.files import owner_of_leftover

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

FileId = tuple[int, int]


@dataclass
class Weight:
    """What lies below a path."""

    n_bytes: int = 0  # of all files, leftovers apart; one with several names counts once
    n_shared_bytes: int = 0  # of those that have a name elsewhere too, and so would stay
    leftovers: list[Path] = field(default_factory=list)  # of killed work; not looked into
    n_unreadable: int = 0  # folders that may not be read

    @property
    def n_free_bytes(self) -> int:
        """Return how many bytes become free when all of it is removed."""
        return self.n_bytes - self.n_shared_bytes


def weigh(path: Path, *, counted: set[FileId] | None = None) -> Weight:
    """Measure a file or all below a folder; symbolic links are not followed.

    Args:
        path: It may vanish meanwhile.
        counted: Files with several names that were counted elsewhere before; added to.
    """
    weight = Weight()
    counted = set() if counted is None else counted
    linked: dict[FileId, os.stat_result] = {}
    n_names: Counter[FileId] = Counter()
    for status in _files(path, weight):
        if status.st_nlink == 1:
            weight.n_bytes += status.st_size
        else:
            identity = (status.st_dev, status.st_ino)
            linked[identity] = status
            n_names[identity] += 1
    for identity in linked.keys() - counted:
        status = linked[identity]
        weight.n_bytes += status.st_size
        if n_names[identity] < status.st_nlink:
            weight.n_shared_bytes += status.st_size
    counted.update(linked)
    return weight


def as_size(n_bytes: int) -> str:
    """Write a number of bytes in powers of 1000: `940 B`, `12.3 MB`."""
    size, unit = float(n_bytes), _UNITS[0]
    for unit in _UNITS:
        if size < 999.95 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{n_bytes} B" if unit == "B" else f"{size:.1f} {unit}"


def _files(path: Path, weight: Weight) -> Iterator[os.stat_result]:
    """Yield every file's status; what is found beside files is noted in the weight."""
    try:
        entries = list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        yield from _status(path)
        return
    except PermissionError:
        weight.n_unreadable += 1
        return
    except OSError as err:
        if err.errno != errno.ELOOP:  # a link that leads to itself
            raise
        yield from _status(path)
        return
    for entry in entries:
        if owner_of_leftover(entry.name):
            weight.leftovers.append(Path(entry.path))
        elif entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), weight)
        else:
            yield from _status(Path(entry.path))


def _status(path: Path) -> Iterator[os.stat_result]:
    try:
        yield path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
