"""The images to be scored: those in folders and zip files, and single ones."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.sources.candidates import UNLABELLED, Candidate
from cxr_tasks.data.sources.folder import digest_files, read_file, walk_files
from cxr_tasks.data.sources.left_out import (
    is_hidden,
    is_in_mask_folder,
    may_be_image,
    n_ignored_links,
    suffix_of,
)
from cxr_tasks.data.sources.zip_file import ZipArchive
from cxr_tasks.errors import DataError
from cxr_tasks.volume.files import digest_of

HIDDEN = "hidden"
MASKS = "in mask folders"


@dataclass(frozen=True)
class ImageReader:
    """Reads files by their absolute path, and members of archives by `archive.zip/member`."""

    archives: tuple[ZipArchive, ...]

    def read(self, candidate: Candidate) -> bytes:
        """Read one file or member.

        Raises:
            UnusableImage: It cannot be read; others can.
            SourceError: The folder or archive cannot be read any more.
        """
        if archive := self.archive_of(candidate):
            return archive.unpack(candidate.path.removeprefix(f"{archive.path}/"))
        return read_file(Path(candidate.path))

    def archive_of(self, candidate: Candidate) -> ZipArchive | None:
        """Find the archive that a candidate is in; None of a file. No file lies below a file."""
        inside = (each for each in self.archives if candidate.path.startswith(f"{each.path}/"))
        return next(inside, None)


@dataclass(frozen=True)
class NewImages:
    """The images below the paths of a request."""

    candidates: tuple[Candidate, ...]  # every file that may be an image, by its path, each once
    reader: ImageReader  # reads them
    # files in folders and archives whose names say that they are no images, by suffix; `hidden` are
    # those that systems make for themselves
    n_left_out: Mapping[str, int]
    n_ignored_links: int  # symbolic links that are not followed, such as those out of their folder

    def digest(self) -> str:
        """Digest names and bytes of all candidates, an archive's as a whole."""
        names = [os.fsencode(candidate.path).hex() for candidate in self.candidates]
        files = [
            Path(candidate.path)
            for candidate in self.candidates
            if self.reader.archive_of(candidate) is None
        ]
        archives = [archive.digest() for archive in self.reader.archives]
        return digest_of([names, digest_files(files), archives])


def open_images(paths: Sequence[str]) -> NewImages:
    """Find the images in folders (and below), zip files and single files.

    A file that is named itself is taken whatever its name; in folders and archives those are
    left out, and counted, whose names say that they are no images, and those in folders of masks.
    An archive in a folder is one of them.

    Args:
        paths: Absolute, of what exists.

    Raises:
        SourceError: A folder cannot be read, or an archive is damaged or not safe.
        DataError: There is no image in them.
    """
    taken: set[str] = set()
    archives: list[ZipArchive] = []
    left_out: dict[str, str] = {}
    n_links = 0
    for path in paths:
        if Path(path).is_dir():
            found = walk_files(Path(path))
        elif suffix_of(path) == ".zip":
            archives.append(ZipArchive(Path(path)))
            found = archives[-1].files()
        else:
            taken.add(path)
            continue
        n_links += n_ignored_links(found.n_left_out_by_reason)
        reasons = {f"{path}/{name}": _why_left_out(name) for name in found.paths}
        taken.update(name for name, reason in reasons.items() if not reason)
        left_out |= {name: reason for name, reason in reasons.items() if reason}
    if not taken:
        raise _no_image(paths, left_out, n_links)
    candidates = tuple(Candidate(path, UNLABELLED, "") for path in sorted(taken))
    kinds = Counter(kind for path, kind in left_out.items() if path not in taken)
    return NewImages(candidates, ImageReader(tuple(archives)), dict(kinds.most_common()), n_links)


def _why_left_out(name: str) -> str:
    """Return the kind of a file that is no image by its name: a suffix; empty of an image."""
    if not may_be_image(name):
        return HIDDEN if is_hidden(name) else suffix_of(name) or name.rpartition("/")[2]
    return MASKS if is_in_mask_folder(name) else ""


def _no_image(paths: Sequence[str], left_out: Mapping[str, str], n_links: int) -> DataError:
    found = [f"{n} {kind}" for kind, n in Counter(left_out.values()).most_common()]
    found += [f"{n_links} symbolic links that are not followed"] if n_links else []
    return DataError(
        f"No image in {', '.join(repr(path) for path in paths)}; "
        f"found: {', '.join(found) or 'nothing'}.",
        "Scored are the images in folders and zip files, and single images; links that lead out "
        "of a folder are not followed.",
        "Name another path, such as the one that links lead to, or an archive that is in there.",
    )
