"""Files that are whole or absent: digests, JSON, folders and locks."""

import csv
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cxr_tasks.errors import ArtifactError

_BLOCK_BYTES = 1 << 20


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file in one step: a reader sees the old one or the new one."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes its file private; other users of the shared volume read artifacts.
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ArtifactError: The file is missing, damaged, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise ArtifactError(
            f"{path} does not exist.",
            "A stage reads what the stages before it have finished.",
            "Run the earlier stages of this run first.",
        ) from err
    except (OSError, ValueError) as err:
        raise _damaged(path, str(err)) from err
    if not isinstance(content, dict):
        raise _damaged(path, f"it holds a {type(content).__name__}")
    return content


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> int:
    """Write a CSV file with a header, row by row; give the number of rows."""
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            n_rows += 1
    return n_rows


@contextmanager
def open_table(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Write a CSV file of names from outside as its rows come: give a `csv.DictWriter`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        # all text in quotes: before Python 3.13 a carriage return alone brings none about
        writer = csv.DictWriter(stream, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        yield writer


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
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Build a folder beside its place and move it there when it is whole.

    An exception removes what was built; a folder that stood there before is then untouched.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.building-"))
    try:
        yield temporary
        temporary.chmod(0o755)
        put_in_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def put_in_place(built: Path, folder: Path) -> None:
    """Rename a finished folder to its place, setting aside one that stood there."""
    aside = folder.with_name(f".{folder.name}.replaced")
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    built.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed builders of this folder left; the caller holds the folder's lock."""
    for leftover in folder.parent.glob(f".{folder.name}.building-*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def locked(path: Path, *, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a lock file; whoever comes second waits. The lock dies with its holder.

    Args:
        path: The lock file; made where it is missing.
        on_wait: Called once where another holds it, before the wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def volume_error(err: OSError, *, home: Path) -> ArtifactError | None:
    """Say in the project's words that the shared volume cannot be written, if that is it."""
    reasons = {
        errno.ENOSPC: "is full",
        errno.EDQUOT: "is over its quota",
        errno.EFBIG: "does not take a file of this size",
        errno.EROFS: "is read-only",
        errno.EACCES: "cannot be written",
        errno.EPERM: "cannot be written",
        errno.ENOTDIR: "is not a folder",
    }
    if err.errno not in reasons:
        return None
    where = f": {err.filename}" if err.filename else ""
    return ArtifactError(
        f"The shared volume {home} {reasons[err.errno]} ({err.strerror}{where}).",
        "Every stage writes its results there; what was not finished has been removed.",
        "Free space or mend the permissions, or name another folder with CXR_HOME or --home.",
    )


def _damaged(path: Path, reason: str) -> ArtifactError:
    return ArtifactError(
        f"{path} cannot be read: {reason[:200]}.",
        "It is written in one step as a JSON object, so it was changed or damaged afterwards.",
        "Delete the folder it is in and run that stage again.",
    )
