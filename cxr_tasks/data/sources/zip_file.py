"""Images in a zip file, read member by member; nothing is unpacked to disk."""

import lzma
import stat
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import (
    ZIP_BZIP2,
    ZIP_DEFLATED,
    ZIP_LZMA,
    ZIP_STORED,
    BadZipFile,
    LargeZipFile,
    ZipFile,
    ZipInfo,
)

from cxr_tasks.data.images import MAX_FILE_BYTES, TOO_LARGE
from cxr_tasks.data.sources.archive_kinds import what_it_is
from cxr_tasks.data.sources.candidates import Candidate, Listing, list_candidates
from cxr_tasks.data.sources.left_out import LINK_IN_ARCHIVE
from cxr_tasks.data.sources.walk import Found
from cxr_tasks.data.sources.zip_safety import find_fault, is_link, member_name
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.errors import SourceError, first_few
from cxr_tasks.settings.presets import Preset
from cxr_tasks.volume.files import sha256_of

_METHODS = (ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA)
_OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES"}
_REPACK = (
    "Download it again, or unpack it and name the folder with source=folder, or pack that as an "
    "ordinary zip again."
)
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
            SourceError: The file is missing, no zip file, not safe, holds no file of either
                class, or none that can be unpacked.
            DataError: Its layout is another than the preset's.
        """
        listing = list_candidates(self._archive.files(), self.preset, root=self.path)
        self._archive.check_methods([candidate.path for candidate in listing.candidates])
        return listing

    def read(self, candidate: Candidate) -> bytes:
        """Unpack one member, and of one that is larger than it says one byte more at most."""
        return self._archive.read(candidate.path)


@dataclass
class ZipArchive:
    """A zip file of images from anywhere, read member by member."""

    path: Path
    _opened: tuple[ZipFile, Mapping[str, ZipInfo]] | None = field(
        default=None, repr=False, compare=False
    )

    def digest(self) -> str:
        """Digest the whole file."""
        try:
            return sha256_of(self.path)
        except (OSError, ValueError) as err:  # also of a path that can be none
            raise self._refused(getattr(err, "strerror", None) or str(err)) from err

    def files(self) -> Found:
        """Name the members; links are left out.

        Raises:
            SourceError: The file is missing, no zip file, not safe, or encrypted.
        """
        archive, members = self._open()
        if fault := find_fault(archive.infolist(), n_bytes=self.path.stat().st_size):
            raise self._refused(fault.problem, fault.names, remedy=fault.remedy)
        paths = tuple(name for name, info in members.items() if not is_link(info))
        n_links = len(members) - len(paths)
        return Found(paths, n_left_out_by_reason={LINK_IN_ARCHIVE: n_links} if n_links else {})

    def check_methods(self, names: list[str]) -> None:
        """Refuse an archive of which no image can be unpacked.

        Raises:
            SourceError: All are packed by a method that cannot be read.
        """
        _, members = self._open()
        methods = {members[name].compress_type for name in names}
        if methods and methods.isdisjoint(_METHODS):
            told = first_few(sorted(_method_name(method) for method in methods))
            raise self._refused(
                f"its images are packed by a method that cannot be read ({told})",
                remedy="Unpack it and pack it again as an ordinary zip, or name the folder with "
                "source=folder.",
            )

    def read(self, name: str) -> bytes:
        """Unpack one member, and of one that is larger than it says one byte more at most.

        Raises:
            UnusableImage: It is damaged, or larger than an image may be.
            SourceError: The file changed or is no longer there.
        """
        archive, members = self._open()
        try:
            info = members[name]
            if info.file_size > MAX_FILE_BYTES:
                raise UnusableImage(TOO_LARGE)
            content = _unpacked(archive, info)
        except _DAMAGES as err:
            raise UnusableImage(_DAMAGED) from err
        except RuntimeError as err:
            method = _method_name(info.compress_type)
            reason = f"packed by a method that cannot be read ({method}); unpack and pack again"
            raise UnusableImage(reason) from err
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

    def _open(self) -> tuple[ZipFile, Mapping[str, ZipInfo]]:
        """Open the file once; its members by name, without folders."""
        if self._opened is None:
            archive = self._open_file()
            names = ((member_name(info), info) for info in archive.infolist())
            members = {name: info for name, info in names if not name.endswith("/")}
            self._opened = archive, members
        return self._opened

    def _open_file(self) -> ZipFile:
        try:
            kind = stat.S_IFMT(self.path.stat().st_mode)
            if kind not in (stat.S_IFREG, stat.S_IFDIR):  # a pipe or device might never end
                raise ValueError("it is no file")
            return ZipFile(self.path)
        except IsADirectoryError as err:
            raise self._refused(str(err.strerror), remedy="Read it with source=folder.") from err
        except OSError as err:
            raise self._refused(err.strerror or str(err)) from err
        except (BadZipFile, LargeZipFile, NotImplementedError, ValueError) as err:
            raise self._no_zip(err) from err

    def _no_zip(self, err: Exception) -> SourceError:
        kind, remedy = what_it_is(self.path) if self.path.is_file() else ("", "")
        told = f"but {kind}" if kind else f"({err})"
        return self._refused(f"it is no whole zip file {told}", remedy=remedy)

    def _refused(
        self, problem: str, names: list[str] | None = None, *, remedy: str = ""
    ) -> SourceError:
        told = f": {first_few(names)}" if names else ""
        return SourceError(
            f"The archive {self.path} cannot be used: {problem}{told}.",
            "An archive of images is a whole zip file of plain relative names, each once, "
            "neither encrypted nor packed more densely than images can be.",
            remedy or _REPACK,
        )


def _unpacked(archive: ZipFile, info: ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            return stream.read(info.file_size + 1)
    except MemoryError as err:
        if info.compress_type != ZIP_LZMA:  # whose header says how much memory it wants
            raise
        raise UnusableImage(_DAMAGED) from err


def _method_name(method: int) -> str:
    return _OTHER_METHODS.get(method, f"method {method}")
