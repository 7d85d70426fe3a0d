"""What makes a zip file one that is not opened: names that lead out of it, sizes that cannot be."""

import re
import stat
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from zipfile import ZipInfo

MAX_TOTAL_BYTES = 64 << 30
MAX_RATIO = 200
"""Of the unpacked size to the archive's; images are packed already, at about 1."""

_MAX_BYTES_OF_ANY_RATIO = 1 << 30
_ENCRYPTED_FLAG = 1
_ENCRYPTED = "are encrypted"
_REMEDIES = {_ENCRYPTED: "Unpack it with its password, and name the folder with source=folder."}


class Fault(NamedTuple):
    """Why an archive is not opened, by which members, and what to do if that is known."""

    problem: str
    names: list[str]
    remedy: str = ""


def find_fault(members: Sequence[ZipInfo], *, n_bytes: int) -> Fault | None:
    """Find a reason to refuse an archive as a whole; None where it is safe.

    Args:
        members: As its directory lists them.
        n_bytes: Size of the archive.
    """
    return _find_fault_of_names(members) or _find_fault_of_sizes(members, n_bytes)


def member_name(info: ZipInfo) -> str:
    r"""Return a member's name with `/` between folders, where older programs of Windows put `\`."""
    return info.filename.replace("\\", "/")


def is_link(info: ZipInfo) -> bool:
    """Return whether a member is a symbolic link, whose content is a path."""
    return stat.S_ISLNK(info.external_attr >> 16)


def _find_fault_of_names(members: Sequence[ZipInfo]) -> Fault | None:
    seen: set[str] = set()
    faults: dict[str, list[str]] = {}
    for info in members:
        name = member_name(info)
        fault = _fault_of_name(info)
        if not fault and name in seen and not name.endswith("/"):
            fault = "are there twice"
        seen.add(name)
        if fault:
            faults.setdefault(fault, []).append(repr(info.filename))
    for fault, names in faults.items():
        return Fault(f"it has members that {fault}", names, _REMEDIES.get(fault, ""))
    return None


def _fault_of_name(info: ZipInfo) -> str:
    """Say what is wrong with a member's name or kind; empty where nothing is."""
    name = info.orig_filename.replace("\\", "/")
    if not info.filename:
        return "have no name"
    if ".." in PurePosixPath(name).parts:
        return "lead out of it"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "have an absolute name"
    if "\0" in name:
        return "have a null character in their name"
    return _ENCRYPTED if info.flag_bits & _ENCRYPTED_FLAG else ""


def _find_fault_of_sizes(members: Sequence[ZipInfo], n_bytes: int) -> Fault | None:
    n_unpacked = sum(info.file_size for info in members)
    if n_unpacked > max(_MAX_BYTES_OF_ANY_RATIO, MAX_RATIO * n_bytes):
        return Fault(f"it is packed to less than 1/{MAX_RATIO}", [])
    if n_unpacked > MAX_TOTAL_BYTES:
        return Fault(f"it unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB", [])
    if sum(info.compress_size for info in members) > n_bytes:
        return Fault("its members overlap", [])
    return None
