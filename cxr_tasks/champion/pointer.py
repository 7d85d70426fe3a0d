"""Which version of the champion serves, what served when and why, and who challenged it.

All of it is one file, `champion/champion.json`, replaced in one step, so that pointer and history
cannot contradict each other, whenever a process ends. `champion-copy.json` says the same and is
written first: were the pointer lost alone, no retirement would be forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from cxr_tasks.champion.approval_record import ApprovalFacts
from cxr_tasks.champion.pointer_record import ChallengeEntry, PointerRecord, ServiceEntry
from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.files import remove_leftovers
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.record_model import Content, read_sealed_record, write_sealed_record

Action = Literal["promoted", "rolled back", "retired"]


def serving(home: Home) -> str | None:
    """Return the version that serves, without a look at its files; None where there is none."""
    return read_pointer(home).version


def history(home: Home) -> list[ServiceEntry]:
    """Read what served when, the oldest first."""
    return read_pointer(home).history


def retired_versions(home: Home) -> dict[str, ServiceEntry]:
    """Return the versions that were retired and have not served since, with their retirements."""
    last = {entry.version: entry for entry in history(home)}
    return {name: entry for name, entry in last.items() if entry.action == "retired"}


def retirement(home: Home) -> ServiceEntry | None:
    """Return the retirement since which no version serves; None where one does or none ever did."""
    entries = history(home)
    return entries[-1] if entries and entries[-1].action == "retired" else None


def serving_without(home: Home, run_key: str) -> str | None:
    """Return the version that serves, or served before a run let its own serve.

    What a run is compared with stays the same when it is repeated after its promotion.
    """
    for entry in reversed(history(home)):
        if entry.version.split("-", 1)[1] != run_key:
            return None if entry.action == "retired" else entry.version
    return None


def serve(
    home: Home,
    version: str,
    *,
    action: Action,
    reason: str,
    now: datetime,
    approval: ApprovalFacts | None = None,
) -> None:
    """Let a version serve from now on, and record why; the caller holds the lock.

    Retired, it no longer serves, nor does another. `approval` is a person's, of a promotion.
    """
    pointer = read_pointer(home)
    at = now.isoformat(timespec="seconds")
    entry = ServiceEntry(
        at=at,
        action=action,
        version=version,
        before=pointer.version,
        reason=reason,
        approval=approval,
    )
    write_history(home, [*pointer.history, entry], challenges=pointer.challenges)


def begin(home: Home) -> None:
    """Write a pointer that names no version, before the first version is made.

    So one that is missing while there are versions was always lost. The caller holds the lock.
    """
    if not _pointer_file(home).exists() and serving(home) is None:
        write_history(home, [], challenges=[])


def write_history(
    home: Home, entries: list[ServiceEntry], *, challenges: list[ChallengeEntry] | None
) -> None:
    """Write what served when, the oldest first, and who challenged it.

    The last one serves, unless it was retired. The caller holds the lock.
    """
    last = entries[-1] if entries else None
    known = _keys_of_others(home) | ({} if challenges is None else {"challenges": challenges})
    record = PointerRecord(
        version=None if last is None or last.action == "retired" else last.version,
        since=last.at if last else None,
        history=entries,
        **known,
    )
    for path in (_copy_file(home), _pointer_file(home)):
        remove_leftovers(path)
        write_sealed_record(path, record)


def _keys_of_others(home: Home) -> Content:
    """Return the keys that newer code has added to the pointer or its copy, which are kept.

    Raises:
        ArtifactError: One of them is of a newer schema version, and must not be overwritten.
    """
    known: Content = {}
    for path in (_copy_file(home), _pointer_file(home)):
        try:
            known |= read_sealed_record(path, PointerRecord).model_extra or {}
        except DamagedError:
            continue
        except ArtifactError:
            if path.exists():
                raise
    return known


def find_copy(home: Home) -> PointerRecord | None:
    """Read the pointer's copy; None where it is damaged, missing or empty.

    Raises:
        ArtifactError: A newer version of the project wrote it.
    """
    path = _copy_file(home)
    try:
        content = _read_checked(path) if path.exists() else None
    except DamagedError:
        return None
    return content if content and content.history else None


def is_whole(home: Home) -> bool:
    """Return whether the pointer is there and undamaged."""
    try:
        return _pointer_file(home).exists() and bool(read_pointer(home))
    except DamagedError:
        return False


@contextmanager
def changing(home: Home) -> Iterator[None]:
    """Hold the lock of whoever changes which version serves."""
    with volume_in_use(home), locked(home.locks / "champion.lock"):
        yield


def _pointer_file(home: Home) -> Path:
    return home.champion / "champion.json"


def _copy_file(home: Home) -> Path:
    return home.champion / "champion-copy.json"


def read_pointer(home: Home) -> PointerRecord:
    """Read the pointer; an empty one where there was never any."""
    path = _pointer_file(home)
    if path.exists():
        return _read_checked(path)
    if any(home.champion.glob("[0-9]*-*/version.json")):
        raise _damaged(f"{path} is gone, though there are versions of the champion.")
    return PointerRecord(version=None, history=[], challenges=[])


def _read_checked(path: Path) -> PointerRecord:
    try:
        return read_sealed_record(path, PointerRecord)
    except DamagedError as err:
        raise _damaged(err.problem) from err


def _damaged(problem: str) -> DamagedError:
    return DamagedError(
        problem,
        "It says which version of the champion serves, and is replaced in one step.",
        "Restore it from a backup, or from what else is there: python -m cxr_tasks champion "
        "--restore.",
    )
