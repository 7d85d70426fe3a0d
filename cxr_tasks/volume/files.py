"""Files and folders that are whole or absent: JSON, tables, digests; what killed work leaves."""

import csv
import errno
import glob
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cxr_tasks.errors import ArtifactError, DamagedError

if TYPE_CHECKING:
    import pandas as pd

_BLOCK_BYTES = 1 << 20

_UNUSABLE = {
    errno.ENOSPC: "is full",
    errno.EDQUOT: "is over its quota",
    errno.EFBIG: "does not take a file of this size",
    errno.EROFS: "is read-only",
    errno.EACCES: "cannot be written",
    errno.EPERM: "cannot be written",
    errno.ENOTDIR: "is not a folder",
}
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_VANISHED = (errno.ENOENT, errno.ESTALE)
"""Gone, and gone at the server of a network file system."""

_LEFTOVERS = (
    # a folder being built, one set aside, a file being written; what space/freeing.py deletes
    re.compile(r"\.(?P<owner>.+)\.(?:(?:building|writing|removed)-[a-z0-9_]{8}|replaced)"),
    # a file being written, as earlier versions of the project named it
    re.compile(r"\.(?P<owner>.+\.(?:json|html|md|npz))\.[a-z0-9_]{8}"),
)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file in one step: a reader sees the old one or the new one."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=_content_of)
    write_text(path, text + "\n")


def as_json(content: object) -> Any:
    """Return content as a reader of its file will see it: no tuples, and every key a text."""
    return json.loads(json.dumps(content, default=_content_of))


def _content_of(part: Any) -> Any:
    """Return what a typed record holds, within content that is still a dict."""
    return part.content()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file in one step."""
    with writing(path) as stream:
        stream.write(text.encode())


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside its place; it takes its place whole, when the block ends without error.

    Whoever is killed meanwhile leaves the old file, and one that `remove_leftovers` removes.
    """
    if path.is_dir():
        raise ArtifactError(
            f"{path} is a folder.",
            "A file belongs there, which is replaced whole.",
            "Move the folder away, and repeat.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.writing-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _share(temporary, 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _share(path: Path, mode: int) -> None:
    """Let others read what `tempfile` made private, and the group write where it may in its folder.

    Where a platform chooses another user for each container, the group is what they share.
    """
    path.chmod(mode | (path.parent.stat().st_mode & stat.S_IWGRP))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ArtifactError: The file is missing.
        DamagedError: It cannot be read, or is no object.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as err:
        raise ArtifactError(
            f"{path} does not exist.",
            "A stage reads what the stages before it have finished.",
            "Run the earlier stages of this run first.",
        ) from err
    except OSError as err:
        raise _damaged(path, str(err)) from err
    return parse_json(content, path)


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Read a JSON object from the bytes of a file, whose name is for the error.

    Raises:
        DamagedError: It is none.
    """
    try:
        parsed = json.loads(content.decode())
    except (ValueError, RecursionError) as err:
        raise _damaged(path, str(err)) from err
    if not isinstance(parsed, dict):
        raise _damaged(path, f"it holds a {type(parsed).__name__}")
    return parsed


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file with a header in one step."""
    write_text(path, as_csv(columns, rows))


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV with a header."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


@contextmanager
def open_table(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Write a CSV file of names from outside as its rows come; yield a `csv.DictWriter`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        # all text in quotes: before Python 3.13 a carriage return alone brings none about
        writer = csv.DictWriter(stream, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        yield writer


def write_table(table: "pd.DataFrame", path: Path) -> None:
    """Write a table with names from outside, without its index: all text in quotes, as above."""
    table.to_csv(path, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def as_unicode(name: str) -> str:
    r"""Show a file's name that is no Unicode with its odd bytes as escapes (`\udcff`)."""
    return name.encode(errors="backslashreplace").decode()


def sha256_of(path: Path) -> str:
    """Digest a file's bytes, block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def digest_of(content: object) -> str:
    """Digest anything that JSON can say, independent of key order."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Build a folder beside its place and move it there when it is whole.

    An exception removes what was built; a folder that stood there before is then untouched.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.building-"))
    try:
        _share(temporary, 0o755)
        yield temporary
        put_in_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def put_in_place(built: Path, folder: Path) -> None:
    """Rename a finished folder to its place, setting aside one that stood there."""
    aside = _aside(folder)
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    built.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed makers of this file or folder left; the caller holds its lock."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.writing-*"):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(_aside(path), ignore_errors=True)


def owner_of_leftover(name: str) -> str | None:
    """Return the name of the file or folder that unfinished or removed work is of.

    Returns:
        None where a file or folder of this name is no leftover.
    """
    matches = (pattern.fullmatch(name) for pattern in _LEFTOVERS)
    return next((match["owner"] for match in matches if match), None)


def _aside(folder: Path) -> Path:
    """Name the place of a folder that a new one replaces, until it is there."""
    return folder.with_name(f".{folder.name}.replaced")


def volume_error(err: OSError, *, home: Path) -> ArtifactError | None:
    """Explain in the project's words what is wrong with the shared volume, if that is it."""
    where = f": {err.filename}" if err.filename else ""
    if err.errno in _WITHOUT_LOCKS:
        return ArtifactError(
            f"The shared volume {home} gives no locks ({err.strerror}{where}).",
            "It needs flock that holds between all machines, so that no two work on one folder.",
            "Mount it with locks (NFS: its lock service, no nolock or local_lock; Lustre: flock), "
            "or name another folder with CXR_HOME or --home.",
        )
    if err.errno in _VANISHED and home in Path(err.filename or "").parents:
        return ArtifactError(
            f"{err.filename} has disappeared while it was in use.",
            "Runs, data sets and caches are deleted only when no stage reads them.",
            "Run the stage again; if its run was deleted, start a new one.",
        )
    if err.errno not in _UNUSABLE:
        return None
    return ArtifactError(
        f"The shared volume {home} {_UNUSABLE[err.errno]} ({err.strerror}{where}).",
        "Every stage writes its results there; what was not finished has been removed.",
        "Free space or mend the permissions, or name another folder with CXR_HOME or --home.",
    )


def _damaged(path: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"{path} cannot be read: {reason[:200]}.",
        "It is written in one step as a JSON object, so it was changed or damaged afterwards.",
        "Run again what made it: that makes it anew.",
    )
