"""Images in a folder and below it, with the links that are followed and those that are not."""

import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import MAX_FILE_BYTES
from cxr_tasks.data.sources import left_out
from cxr_tasks.data.sources.candidates import Candidate, Found, Listing, list_candidates
from cxr_tasks.errors import SourceError
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.settings.mask_pattern import MaskPattern
from cxr_tasks.settings.presets import Preset
from cxr_tasks.volume.files import digest_of, sha256_of

_UNREADABLE = "no permission to read it"
_MAX_NAMES_OF_FOLDER = 8
"""Links to folders that hold links to folders name one file in ever more ways."""


@dataclass(frozen=True)
class FolderSource:
    """A folder with the classes' folders in it; `follow_links` leads out of it too."""

    root: Path
    preset: Preset
    synthetic: bool = False
    follow_links: bool = False
    masks: MaskPattern | None = None

    @property
    def description(self) -> str:
        """What it is, for people."""
        return f"folder {self.root.name}"

    def digest(self) -> str:
        """Digest names and bytes of both classes' files, and bytes of their masks.

        Where the folders lie does not matter.
        """
        listing = self.listing()
        paths = [candidate.path for candidate in listing.candidates]
        digests = digest_files([self.root / path for path in paths + listing.masks])
        names = [os.fsencode(path).hex() for path in paths]  # a name need not be Unicode
        return digest_of([names, digests])

    def watched(self) -> list[Path]:
        """Return every file of both classes, and their masks."""
        listing = self.listing()
        paths = [candidate.path for candidate in listing.candidates]
        return [self.root / path for path in paths + listing.masks]

    def listing(self) -> Listing:
        """List the files of both classes.

        Raises:
            SourceError: The folder is missing, unreadable, or holds no file of either class.
            DataError: Its layout is another than the preset's.
        """
        found = walk_files(self.root, follow_links=self.follow_links)
        return list_candidates(found, self.preset, root=self.root, masks=self.masks)

    def read(self, candidate: Candidate) -> bytes:
        """Read one file; of one that is too large, no more than shows it."""
        return read_file(self.root / candidate.path)


def read_file(path: Path) -> bytes:
    """Read one file that should be an image; of one that is too large, no more than shows it.

    Raises:
        UnusableImage: It may not be read.
        SourceError: It is no longer there.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except PermissionError as err:
        raise UnusableImage(_UNREADABLE) from err
    except OSError as err:
        raise _unreadable(path, err) from err


def digest_files(paths: Sequence[Path]) -> list[str]:
    """Digest the bytes of files; of one that may not be read, a word that says so."""
    with ThreadPoolExecutor(n_cores()) as pool:  # hashing lets other threads run
        return list(pool.map(_digest_of_file, paths))


def _digest_of_file(path: Path) -> str:
    try:
        return sha256_of(path)
    except PermissionError:
        return _UNREADABLE
    except OSError as err:
        raise _unreadable(path, err) from err


def walk_files(root: Path, *, follow_links: bool = False) -> Found:
    """Find the files in a folder and below it, whatever their names.

    Links inside the folder are followed, to files and to folders, and a file is found under each
    of its names; those that lead out of it with `follow_links` only. The folder may be a link
    itself. Pipes and devices, which might never end, are left out.

    Raises:
        SourceError: It is missing or unreadable.
    """
    try:
        inside = Path(os.path.realpath(root))
    except ValueError as err:  # a null in the path, or what no file system encodes
        raise _unreadable(root, OSError(0, str(err))) from err
    walk = _Walk(inside, follow_links)
    todo = deque([_Folder(os.fspath(root), os.fspath(walk.inside), "")])
    while todo:  # what is near the top first: that is the name by which it is known
        try:
            todo.extend(walk.look_into(todo.popleft()))
        except OSError as err:
            raise _unreadable(root, err) from err
    return Found(tuple(walk.paths), walk.targets, dict(walk.n_left_out))


@dataclass(frozen=True)
class _Folder:
    """A folder to look into."""

    path: str  # by which it is opened
    real: str  # without links
    name: str  # relative to the data's root, with a slash at its end; empty for the root
    hops: tuple[str, ...] = ()  # the real folders in which links were followed to come here


class _Walk:
    """Collects what is found."""

    def __init__(self, inside: Path, follow_links: bool) -> None:
        self.inside = inside
        self.follow_links = follow_links
        self.paths: list[str] = []
        self.targets: dict[str, str] = {}
        self.n_left_out: Counter[str] = Counter()
        self._n_names: Counter[str] = Counter()

    def look_into(self, folder: _Folder) -> Iterator[_Folder]:
        """Take the files of a folder, and yield the folders in it."""
        with os.scandir(folder.path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = folder.name + entry.name
                real = f"{folder.real}/{entry.name}"
                if entry.is_symlink():
                    yield from self._follow(folder, entry, name)
                elif entry.is_dir(follow_symlinks=False):
                    yield _Folder(entry.path, real, f"{name}/", folder.hops)
                elif entry.is_file(follow_symlinks=False):
                    self._take(name, real if folder.hops else "")
                else:
                    self.n_left_out[left_out.SPECIAL] += 1

    def _follow(self, folder: _Folder, entry: os.DirEntry[str], name: str) -> Iterator[_Folder]:
        real, reason = self._target(folder, entry, name)
        if reason:
            self.n_left_out[reason] += 1
        elif real.is_dir():
            self._n_names[str(real)] += 1
            yield _Folder(entry.path, str(real), f"{name}/", (*folder.hops, folder.real))
        else:
            self._take(name, str(real))

    def _target(self, folder: _Folder, entry: os.DirEntry[str], name: str) -> tuple[Path, str]:
        """Find where a link leads, and why it is not followed; empty where it is."""
        real = Path(entry.path)
        if left_out.is_hidden(name):
            return real, left_out.HIDDEN
        try:
            real = Path(os.path.realpath(entry.path, strict=True))
            kind = stat.S_IFMT(real.stat().st_mode)
        except OSError as err:
            return real, left_out.LINK_CIRCLE if err.errno == errno.ELOOP else left_out.LINK_BROKEN
        if not self.follow_links and not real.is_relative_to(self.inside):
            return real, left_out.LINK_OUT
        if kind != stat.S_IFDIR:
            return real, "" if kind == stat.S_IFREG else left_out.SPECIAL
        if any(Path(hop).is_relative_to(real) for hop in (*folder.hops, folder.real)):
            return real, left_out.LINK_CIRCLE
        return real, left_out.LINK_AGAIN if self._n_names[str(real)] >= _MAX_NAMES_OF_FOLDER else ""

    def _take(self, name: str, target: str) -> None:
        self.paths.append(name)
        if target:
            place = Path(target)
            within = place.is_relative_to(self.inside)
            self.targets[name] = str(place.relative_to(self.inside) if within else place)


def _unreadable(path: Path, err: OSError) -> SourceError:
    """Return that a file or folder cannot be read, and why."""
    remedy = "Correct the path (of a data set: data=PATH, --data) or the permissions."
    if isinstance(err, NotADirectoryError):
        remedy = "Name a folder; a zip file is read with source=zip (--source zip)."
    return SourceError(
        f"{err.filename or path} cannot be read: {err.strerror}.",
        "Images are read from a folder that stays as it is meanwhile.",
        remedy,
    )
