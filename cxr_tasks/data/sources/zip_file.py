"""Images in a zip file, read member by member; nothing is unpacked to disk."""

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import MAX_FILE_BYTES, TOO_LARGE
from cxr_tasks.data.sources.candidates import Candidate, Found, Listing, list_candidates
from cxr_tasks.data.sources.folder import digest_files, read_file
from cxr_tasks.data.sources.left_out import LINK_IN_ARCHIVE
from cxr_tasks.errors import SourceError, first_few
from cxr_tasks.settings.mask_pattern import MaskPattern
from cxr_tasks.settings.presets import Preset
from cxr_tasks.volume.files import digest_of, sha256_of

MAX_TOTAL_BYTES = 64 << 30
MAX_RATIO = 200
"""Of the unpacked size to the archive's; images are packed already, at about 1."""

_MAX_BYTES_OF_ANY_RATIO = 1 << 30
_ENCRYPTED_FLAG = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES"}
_DAMAGED = "damaged in the archive"
_DAMAGES = (BadZipFile, EOFError, UnicodeDecodeError, lzma.LZMAError, struct.error, zlib.error)

_REPACK = (
    "Download it again, or unpack it and name the folder with source=folder, or pack that as an "
    "ordinary zip again."
)
_DECRYPT = "Unpack it with its password, and name the folder with source=folder."
_UNPACK = "Unpack it and name the folder with source=folder, or pack that as zip."
_DOWNLOAD = "Download it again; where that takes an account, with one that may."
_OTHER_KINDS = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"\x1f\x8b": ("a gzip file, such as a .tar.gz", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\xfd7zXZ": ("an xz file, such as a .tar.xz", _UNPACK),
    b"BZh": ("a bzip2 file, such as a .tar.bz2", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file, such as a .tar.zst", _UNPACK),
    b"<": ("a web page or XML, perhaps one to sign in", _DOWNLOAD),
    b"{": ("JSON, perhaps an error of the server", _DOWNLOAD),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file itself: git lfs pull."),
    b"\x89PNG": ("a single image", "Name the folder it is in, with source=folder."),
    b"\xff\xd8\xff": ("a single image", "Name the folder it is in, with source=folder."),
    b"PK\x07\x08": ("one part of several", "Join the parts, then pack them as one zip."),
    b"PK": ("one that is cut short or damaged", "Download or pack it again."),
}
"""What a file that should be a zip archive is by its first bytes, and what to do about it."""
_TAR, _TAR_AT = b"ustar", 257


class ZipArchive:
    """A zip file of images from anywhere, read member by member."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def digest(self) -> str:
        """Digest the whole file."""
        try:
            return sha256_of(self.path)
        except (OSError, ValueError) as err:  # also of an invalid path
            raise self._refused(getattr(err, "strerror", None) or str(err)) from err

    def files(self) -> Found:
        """Name the members; links are left out.

        Raises:
            SourceError: The file is missing, no zip file, not safe, or encrypted.
        """
        archive, members = self._opened
        self._check_safe(archive.infolist())
        # the content of a symbolic link is a path
        links = {name for name, info in members.items() if stat.S_ISLNK(info.external_attr >> 16)}
        paths = tuple(name for name in members if name not in links)
        return Found(paths, n_left_out_by_reason={LINK_IN_ARCHIVE: len(links)} if links else {})

    def check_methods(self, names: list[str]) -> None:
        """Refuse an archive of which no image can be unpacked.

        Raises:
            SourceError: All are packed by a method that cannot be read.
        """
        _, members = self._opened
        methods = {members[name].compress_type for name in names}
        if methods and methods.isdisjoint(_METHODS):
            listed = first_few(sorted(_method_name(method) for method in methods))
            raise self._refused(
                f"its images are packed by a method that cannot be read ({listed})",
                "Unpack it and pack it again as an ordinary zip, or name the folder with "
                "source=folder.",
            )

    def unpack(self, name: str) -> bytes:
        """Unpack one member, and of one that is larger than it says one byte more at most.

        Raises:
            UnusableImage: It is damaged, or larger than an image may be.
            SourceError: The file changed or is no longer there.
        """
        archive, members = self._opened
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
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    @cached_property
    def _opened(self) -> tuple[ZipFile, Mapping[str, ZipInfo]]:
        """The file, and its members by name, without folders."""
        archive = self._open_file()
        names = ((_member_name(info), info) for info in archive.infolist())
        return archive, {name: info for name, info in names if not name.endswith("/")}

    def _open_file(self) -> ZipFile:
        try:
            kind = stat.S_IFMT(self.path.stat().st_mode)
            if kind not in (stat.S_IFREG, stat.S_IFDIR):  # a pipe or device might never end
                raise ValueError("it is no file")
            return ZipFile(self.path)
        except IsADirectoryError as err:
            raise self._refused(str(err.strerror), "Read it with source=folder.") from err
        except OSError as err:
            raise self._refused(err.strerror or str(err)) from err
        except (BadZipFile, LargeZipFile, NotImplementedError, ValueError) as err:
            kind_name, remedy = _kind_of(self.path) if self.path.is_file() else ("", "")
            what = f"but {kind_name}" if kind_name else f"({err})"
            raise self._refused(f"it is no whole zip file {what}", remedy) from err

    def _check_safe(self, members: Sequence[ZipInfo]) -> None:
        """Refuse names that lead out of the archive, and sizes that cannot be."""
        seen: set[str] = set()
        names_by_fault: dict[str, list[str]] = {}
        for info in members:
            name = _member_name(info)
            is_again = name in seen and not name.endswith("/")
            seen.add(name)
            if fault := _fault_of_name(info) or ("are there twice" if is_again else ""):
                names_by_fault.setdefault(fault, []).append(repr(info.filename))
        for fault, names in names_by_fault.items():
            remedy = _DECRYPT if "encrypted" in fault else ""
            raise self._refused(f"it has members that {fault}: {first_few(names)}", remedy)
        n_bytes = self.path.stat().st_size
        n_unpacked = sum(info.file_size for info in members)
        if _is_bomb(n_unpacked, n_bytes):
            raise self._refused(f"it is packed to less than 1/{MAX_RATIO}")
        if n_unpacked > MAX_TOTAL_BYTES:
            raise self._refused(f"it unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB")
        if sum(info.compress_size for info in members) > n_bytes:
            raise self._refused("its members overlap")

    def _refused(self, problem: str, remedy: str = "") -> SourceError:
        return SourceError(
            f"The archive {self.path} cannot be used: {problem}.",
            "An archive of images is a whole zip file of plain relative names, each once, "
            "neither encrypted nor packed more densely than images can be.",
            remedy or _REPACK,
        )


class ZipSource(ZipArchive):
    """A zip file with the classes' folders in it, perhaps below a common top folder."""

    synthetic = False

    def __init__(
        self, path: Path, preset: Preset, description: str, *, masks: MaskPattern | None = None
    ) -> None:
        super().__init__(path)
        self.preset = preset
        self.description = description
        self.masks = masks

    def digest(self) -> str:
        """Digest the whole file, and masks beside it."""
        masks = digest_files(self._masks_on_disk())
        return digest_of([super().digest(), masks]) if masks else super().digest()

    def watched(self) -> list[Path]:
        """Return the file, and masks beside it."""
        return [self.path, *self._masks_on_disk()]

    def listing(self) -> Listing:
        """List the files of both classes.

        Raises:
            SourceError: The file is missing, no zip file, not safe, holds no file of either
                class, or none that can be unpacked.
            DataError: Its layout is another than the preset's.
        """
        listing = list_candidates(self.files(), self.preset, root=self.path, masks=self.masks)
        self.check_methods([candidate.path for candidate in listing.candidates])
        return listing

    def read(self, candidate: Candidate) -> bytes:
        """Unpack the member of a candidate; read the file where it is a mask beside the archive."""
        on_disk = candidate.path.startswith("/")  # no member has such a name
        return read_file(Path(candidate.path)) if on_disk else self.unpack(candidate.path)

    def _masks_on_disk(self) -> list[Path]:
        return self.listing().masks_on_disk if self.masks and self.masks.top else []


def count_sound_members(path: Path) -> int:
    """Check every member of a zip file, a block at a time, and return how many files there are.

    Raises:
        ValueError: It cannot be opened, a checksum is wrong, or it is packed as only a bomb is,
            whose content would take hours to check.
    """
    n_bytes = path.stat().st_size
    try:
        with ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            n_unpacked = sum(info.file_size for info in members)
            if _is_bomb(n_unpacked, n_bytes):
                raise ValueError(f"they claim to hold {n_unpacked:,}")
            damaged = archive.testzip()
    except (*_DAMAGES, RuntimeError, ValueError) as err:
        raise ValueError(f"{n_bytes:,} bytes: {err}") from err
    if damaged is not None:
        raise ValueError(f"wrong checksum of {damaged[:100]!r}")
    return len(members)


def _kind_of(path: Path) -> tuple[str, str]:
    """Return what a file is, and what to do about it; two empty texts where that is not known."""
    with path.open("rb") as stream:
        start = stream.read(_TAR_AT + len(_TAR))
    if not start:
        return "an empty one", "Download or pack it again."
    if start[_TAR_AT:] == _TAR:
        return "a tar archive", _UNPACK
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")  # as web servers send pages
    return next((kind for sign, kind in _OTHER_KINDS.items() if text.startswith(sign)), ("", ""))


def _fault_of_name(info: ZipInfo) -> str:
    """Return what is wrong with a member's name or kind; empty where nothing is."""
    name = info.orig_filename.replace("\\", "/")
    if not info.filename:
        return "have no name"
    if ".." in PurePosixPath(name).parts:
        return "lead out of it"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "have an absolute name"
    if "\0" in name:
        return "have a null character in their name"
    return "are encrypted" if info.flag_bits & _ENCRYPTED_FLAG else ""


def _is_bomb(n_unpacked_bytes: int, n_bytes: int) -> bool:
    return n_unpacked_bytes > max(_MAX_BYTES_OF_ANY_RATIO, MAX_RATIO * n_bytes)


def _member_name(info: ZipInfo) -> str:
    r"""Return a member's name with `/` between folders, where older programs of Windows put `\`."""
    return info.filename.replace("\\", "/")


def _unpacked(archive: ZipFile, info: ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            return stream.read(info.file_size + 1)
    except MemoryError as err:
        if info.compress_type != zipfile.ZIP_LZMA:  # whose header says how much memory it wants
            raise
        raise UnusableImage(_DAMAGED) from err


def _method_name(method: int) -> str:
    return _OTHER_METHODS.get(method, f"method {method}")
