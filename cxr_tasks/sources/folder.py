"""Images in a folder."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.images import MAX_FILE_BYTES, UnusableImage
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
        with ThreadPoolExecutor(n_cores()) as pool:  # hashing lets other threads run
            digests = list(pool.map(self._digest_of_file, paths))
        names = [os.fsencode(path).hex() for path in paths]  # a name need not be Unicode
        return digest_of([names, digests])

    def listing(self) -> Listing:
        """List the files of both classes.

        Raises:
            SourceError: The folder is missing, unreadable, or holds no file of either class.
        """
        paths, n_ignored_links = [], 0
        inside = Path(os.path.realpath(self.root))
        for entry in self._entries():
            if entry.is_symlink() and not _leads_to_file_in(inside, entry):
                n_ignored_links += 1
            elif entry.is_file():  # not a pipe or device, which might never end
                paths.append(os.path.relpath(entry.path, self.root))
        return list_candidates(paths, self.preset, root=self.root, n_ignored_links=n_ignored_links)

    def read(self, candidate: Candidate) -> bytes:
        """Read one file; of one that is too large, no more than shows it."""
        try:
            with (self.root / candidate.path).open("rb") as stream:
                return stream.read(MAX_FILE_BYTES + 1)
        except PermissionError as err:
            raise UnusableImage(_UNREADABLE) from err
        except OSError as err:
            raise self._unreadable(err) from err

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Walk through all that is no folder; links to folders are not followed."""
        folders = [os.fspath(self.root)]
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            yield entry
            except OSError as err:
                raise self._unreadable(err) from err

    def _digest_of_file(self, path: str) -> str:
        try:
            return sha256_of(self.root / path)
        except PermissionError:
            return _UNREADABLE
        except OSError as err:
            raise self._unreadable(err) from err

    def _unreadable(self, err: OSError) -> SourceError:
        return SourceError(
            f"{err.filename or self.root} cannot be read: {err.strerror}.",
            "The source 'folder' reads a folder that stays as it is meanwhile, "
            "with the images of each class in a folder of its own.",
            "Correct data=PATH (on the command line --data) or the folder's permissions.",
        )


def _leads_to_file_in(inside: Path, link: os.DirEntry[str]) -> bool:
    target = Path(os.path.realpath(link.path))  # which, unlike resolve(), takes a circle too
    return target.is_file() and target.is_relative_to(inside)
