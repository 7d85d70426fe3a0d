"""Images in a folder."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.images import MAX_FILE_BYTES
from cxr_tasks.data.sources.candidates import Candidate, Listing, list_candidates
from cxr_tasks.data.sources.walk import unreadable, walk_files
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.settings.presets import Preset
from cxr_tasks.volume.files import digest_of, sha256_of

_UNREADABLE = "no permission to read it"


@dataclass(frozen=True)
class FolderSource:
    """A folder with the classes' folders in it; `follow_links` leads out of it too."""

    root: Path
    preset: Preset
    synthetic: bool = False
    follow_links: bool = False

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
            DataError: Its layout is another than the preset's.
        """
        found = walk_files(self.root, follow_links=self.follow_links)
        return list_candidates(found, self.preset, root=self.root)

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
        raise unreadable(path, err) from err


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
        raise unreadable(path, err) from err
