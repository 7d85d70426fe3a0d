"""Images in a folder."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.images import MAX_FILE_BYTES
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.devices import n_cores
from cxr_tasks.errors import SourceError
from cxr_tasks.files import digest_of, sha256_of
from cxr_tasks.sources.candidates import Candidate, Listing, list_candidates
from cxr_tasks.sources.presets import Preset

_UNREADABLE = "no permission to read it"


@dataclass(frozen=True)
class FolderSource:
    """A folder with the classes' folders in it."""

    root: Path
    preset: Preset
    synthetic: bool = False

    @property
    def description(self) -> str:
        """What it is, for people."""
        return f"folder {self.root.name}"

    def digest(self) -> str:
        """Digest names and bytes of both classes' files; where the folder lies does not matter."""
        paths = [candidate.path for candidate in self.listing().candidates]
        digests = digest_files([self.root / path for path in paths])
        names = [os.fsencode(path).hex() for path in paths]  # a name need not be Unicode
        return digest_of([names, digests])

    def listing(self) -> Listing:
        """List the files of both classes.

        Raises:
            SourceError: The folder is missing, unreadable, or holds no file of either class.
        """
        paths, n_ignored_links = walk_files(self.root)
        return list_candidates(paths, self.preset, root=self.root, n_ignored_links=n_ignored_links)

    def read(self, candidate: Candidate) -> bytes:
        """Read one file; of one that is too large, no more than shows it."""
        return read_file(self.root / candidate.path)


def walk_files(root: Path) -> tuple[list[str], int]:
    """Name the files in a folder and below it, and count the links that lead elsewhere.

    Raises:
        SourceError: It is missing or unreadable.
    """
    paths, n_ignored_links = [], 0
    inside = _real(root)
    for entry in _entries(root):
        if entry.is_symlink() and not _leads_to_file_in(inside, entry):
            n_ignored_links += 1
        elif entry.is_file():  # not a pipe or device, which might never end
            paths.append(os.path.relpath(entry.path, root))
    return paths, n_ignored_links


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


def _real(root: Path) -> Path:
    try:
        return Path(os.path.realpath(root))
    except ValueError as err:  # a null in the path, or what no file system encodes
        raise _unreadable(root, OSError(0, str(err))) from err


def _entries(root: Path) -> Iterator[os.DirEntry[str]]:
    """Walk through all that is no folder; links to folders are not followed."""
    folders = [os.fspath(root)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        yield entry
        except OSError as err:
            raise _unreadable(root, err) from err


def _leads_to_file_in(inside: Path, link: os.DirEntry[str]) -> bool:
    target = Path(os.path.realpath(link.path))  # which, unlike resolve(), takes a circle too
    return target.is_file() and target.is_relative_to(inside)


def _digest_of_file(path: Path) -> str:
    try:
        return sha256_of(path)
    except PermissionError:
        return _UNREADABLE
    except OSError as err:
        raise _unreadable(path, err) from err


def _unreadable(path: Path, err: OSError) -> SourceError:
    return SourceError(
        f"{err.filename or path} cannot be read: {err.strerror}.",
        "Images are read from a folder that stays as it is meanwhile.",
        "Correct the path (of a data set: data=PATH, --data) or the permissions.",
    )
