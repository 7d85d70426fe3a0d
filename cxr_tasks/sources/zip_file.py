"""Images in a zip file, read member by member; nothing is unpacked to disk."""

import lzma
import re
import stat
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZIP_LZMA, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from cxr_tasks.data.images import MAX_FILE_BYTES, TOO_LARGE
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.errors import SourceError, first_few
from cxr_tasks.files import sha256_of
from cxr_tasks.sources.candidates import Candidate, Listing, list_candidates
from cxr_tasks.sources.presets import Preset

MAX_TOTAL_BYTES = 64 << 30
MAX_RATIO = 200
"""Of a member's size to its packed size; images are packed already, at about 1."""

_MIN_BYTES_FOR_RATIO = 1 << 20
_ENCRYPTED = 1
_DAMAGED = "damaged in the archive"
_DAMAGES = (BadZipFile, EOFError, UnicodeDecodeError, lzma.LZMAError, struct.error, zlib.error)


@dataclass
class ZipSource:
    """A zip file with the classes' folders in it, perhaps below a common top folder."""

    path: Path
    preset: Preset
    description: str
    synthetic: bool = False

    def __post_init__(self) -> None:
        self._archive = ZipArchive(self.path)

    def digest(self) -> str:
        """Digest the whole file."""
        return self._archive.digest()

    def listing(self) -> Listing:
        """List the files of both classes.

        Raises:
            SourceError: The file is missing, no zip file, not safe, or holds no file of
                either class.
        """
        listing = list_candidates(self._archive.files(), self.preset, root=self.path)
        self._archive.check_large([candidate.path for candidate in listing.candidates])
        return listing

    def read(self, candidate: Candidate) -> bytes:
        """Unpack one member, and of one that is larger than it says one byte more at most."""
        return self._archive.read(candidate.path)


@dataclass
class ZipArchive:
    """A zip file of images from anywhere, read member by member."""

    path: Path
    _opened: ZipFile | None = field(default=None, repr=False, compare=False)

    def digest(self) -> str:
        """Digest the whole file."""
        try:
            return sha256_of(self.path)
        except (OSError, ValueError) as err:  # also of a path that can be none
            raise self._refused(getattr(err, "strerror", None) or str(err)) from err

    def files(self) -> list[str]:
        """Name the members.

        Raises:
            SourceError: The file is missing, no zip file, or not safe.
        """
        self._check_names(self._open().infolist())
        members = [info for info in self._open().infolist() if not info.is_dir()]
        self._check_sizes(members)
        return [info.filename for info in members]

    def check_large(self, names: list[str]) -> None:
        """Refuse members that are larger than an image may be.

        Raises:
            SourceError: One of them is.
        """
        large = [repr(name) for name in names if _is_large(self._open().getinfo(name))]
        if large:
            raise self._refused(f"it has images of more than {MAX_FILE_BYTES >> 20} MiB", large)

    def read(self, name: str) -> bytes:
        """Unpack one member, and of one that is larger than it says one byte more at most.

        Raises:
            UnusableImage: It is damaged, or larger than an image may be.
            SourceError: The file changed or is no longer there.
        """
        archive = self._open()
        try:
            info = archive.getinfo(name)
            if _is_large(info):
                raise UnusableImage(TOO_LARGE)
            content = _unpacked(archive, info)
        except _DAMAGES as err:
            raise UnusableImage(_DAMAGED) from err
        except RuntimeError as err:
            raise UnusableImage("packed by a method that cannot be read") from err
        except (KeyError, OSError) as err:
            if isinstance(err, OSError) and err.errno is None:  # how bz2 says "invalid data"
                raise UnusableImage(_DAMAGED) from err
            raise self._refused(f"it changed or got lost while it was read ({err})") from err
        if len(content) != info.file_size:
            raise UnusableImage(_DAMAGED)
        return content

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind: each process opens its own."""
        return self.__dict__ | {"_opened": None}

    def _open(self) -> ZipFile:
        if self._opened is None:
            try:
                kind = stat.S_IFMT(self.path.stat().st_mode)
                if kind not in (stat.S_IFREG, stat.S_IFDIR):  # a pipe or device might never end
                    raise ValueError("it is no file")
                self._opened = ZipFile(self.path)
            except OSError as err:
                raise self._refused(err.strerror or str(err)) from err
            except (BadZipFile, LargeZipFile, NotImplementedError, ValueError) as err:
                raise self._refused(f"it is no whole zip file ({err})") from err
        return self._opened

    def _check_names(self, members: list[ZipInfo]) -> None:
        seen: set[str] = set()
        faults: dict[str, list[str]] = {}
        for info in members:
            fault = _fault_of_name(info)
            if not fault and info.filename in seen and not info.is_dir():
                fault = "are there twice"
            seen.add(info.filename)
            if fault:
                faults.setdefault(fault, []).append(repr(info.filename))
        for fault, names in faults.items():
            raise self._refused(f"it has members that {fault}", names)

    def _check_sizes(self, members: list[ZipInfo]) -> None:
        dense = [
            repr(info.filename) for info in members
            if info.file_size > _MIN_BYTES_FOR_RATIO
            and info.file_size > MAX_RATIO * info.compress_size
        ]  # fmt: skip
        if dense:
            raise self._refused(f"it has members packed to less than 1/{MAX_RATIO}", dense)
        if sum(info.file_size for info in members) > MAX_TOTAL_BYTES:
            raise self._refused(f"it unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB")
        if sum(info.compress_size for info in members) > self.path.stat().st_size:
            raise self._refused("its members overlap")

    def _refused(self, problem: str, names: list[str] | None = None) -> SourceError:
        told = f": {first_few(names)}" if names else ""
        return SourceError(
            f"The archive {self.path} cannot be used: {problem}{told}.",
            "An archive of images is a whole zip file of plain relative names, each once, "
            "neither encrypted nor packed more densely than images can be.",
            "Download it again, or unpack it and name the folder instead.",
        )


def _unpacked(archive: ZipFile, info: ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            return stream.read(info.file_size + 1)
    except MemoryError as err:
        if info.compress_type != ZIP_LZMA:  # whose header says how much memory it wants
            raise
        raise UnusableImage(_DAMAGED) from err


def _fault_of_name(info: ZipInfo) -> str:
    """Say what is wrong with a member's name or kind; empty where nothing is."""
    name = info.orig_filename
    if not info.filename:
        return "have no name"
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "lead out of it"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "have an absolute name"
    if "\\" in name or "\0" in name:
        return "have a backslash or a null character in their name"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "are symbolic links"
    return "are encrypted" if info.flag_bits & _ENCRYPTED else ""


def _is_large(info: ZipInfo) -> bool:
    return info.file_size > MAX_FILE_BYTES
