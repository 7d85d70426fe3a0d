"""Which version of the champion serves, and the history of what served when and why.

All of it is one file, `champion/champion.json`, replaced in one step, so that pointer and history
cannot contradict each other, whenever a process ends.
"""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from cxr_tasks.errors import DamagedError
from cxr_tasks.files import locked, remove_leftovers
from cxr_tasks.paths import Home
from cxr_tasks.sealed import read_sealed, write_sealed

PROMOTED, ROLLED_BACK = "promoted", "rolled back"

_ENTRY_KEYS = {"at", "action", "version", "before", "reason"}


def serving(home: Home) -> str | None:
    """Name the version that serves, without a look at its files; None where there is none."""
    version: str | None = _read_pointer(home)["version"]
    return version


def history(home: Home) -> list[dict[str, Any]]:
    """Read what served when: `at`, `action`, `version`, `before`, `reason`; the oldest first."""
    entries: list[dict[str, Any]] = _read_pointer(home)["history"]
    return entries


def serving_without(home: Home, run_key: str) -> str | None:
    """Name the version that serves, or served before a run let its own serve.

    What a run is compared with stays the same when it is repeated after its promotion.
    """
    for entry in reversed(history(home)):
        if entry["version"].split("-", 1)[1] != run_key:
            return str(entry["version"])
    return None


def serve(home: Home, version: str, *, action: str, reason: str, now: datetime) -> None:
    """Let a version serve from now on, and write down why; the caller holds the lock."""
    pointer = _read_pointer(home)
    entry = {
        "at": now.isoformat(timespec="seconds"),
        "action": action,
        "version": version,
        "before": pointer["version"],
        "reason": reason,
    }
    write_history(home, [*pointer["history"], entry])


def begin(home: Home) -> None:
    """Write a pointer that names no version, before the first version is made.

    So one that is missing while there are versions was always lost. The caller holds the lock.
    """
    if not _pointer_file(home).exists() and serving(home) is None:
        write_sealed(_pointer_file(home), {"version": None, "since": None, "history": []})


def write_history(home: Home, entries: list[dict[str, Any]]) -> None:
    """Write what served when, the oldest first; the last one serves. The caller holds the lock."""
    remove_leftovers(_pointer_file(home))
    last = entries[-1]
    write_sealed(
        _pointer_file(home),
        {"version": last["version"], "since": last["at"], "history": entries},
    )


def is_whole(home: Home) -> bool:
    """Say whether the pointer is there and undamaged."""
    try:
        return _pointer_file(home).exists() and bool(_read_pointer(home))
    except DamagedError:
        return False


def changing(home: Home) -> AbstractContextManager[None]:
    """Hold the lock of whoever changes which version serves."""
    return locked(home.locks / "champion.lock")


def _pointer_file(home: Home) -> Path:
    return home.champion / "champion.json"


def _read_pointer(home: Home) -> dict[str, Any]:
    path = _pointer_file(home)
    if not path.exists():
        if any(home.champion.glob("[0-9]*-*/version.json")):
            raise _damaged(f"{path} is gone, though there are versions of the champion.")
        return {"version": None, "history": []}
    try:
        pointer = read_sealed(path)
    except DamagedError as err:
        raise _damaged(err.problem) from err
    entries = pointer.get("history")
    is_history = isinstance(entries, list) and all(
        isinstance(entry, dict) and entry.keys() >= _ENTRY_KEYS for entry in entries
    )
    if not is_history or not isinstance(pointer.get("version"), str if entries else type(None)):
        raise _damaged(f"{path} does not say what serves and what served before.")
    return pointer


def _damaged(problem: str) -> DamagedError:
    return DamagedError(
        problem,
        "It says which version of the champion serves, and is replaced in one step.",
        "Restore it from a backup, or from the versions: python -m cxr_tasks champion --restore.",
    )
