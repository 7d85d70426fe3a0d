"""Which version of the champion serves, and the history of what served when and why.

All of it is one file, `champion/champion.json`, replaced in one step, so that pointer and history
cannot contradict each other, whenever a process ends.
"""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError
from cxr_tasks.files import locked, read_json, write_json
from cxr_tasks.paths import Home
from cxr_tasks.records import SCHEMA_VERSION

PROMOTED, ROLLED_BACK = "promoted", "rolled back"


def serving(home: Home) -> str | None:
    """Name the version that serves, without a look at its files; None where there is none."""
    version: str | None = _read_pointer(home)["version"]
    return version


def history(home: Home) -> list[dict[str, Any]]:
    """Read what served when: `at`, `action`, `version`, `before`, `reason`; the oldest first."""
    entries: list[dict[str, Any]] = _read_pointer(home)["history"]
    return entries


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
    write_json(
        _pointer_file(home),
        {
            "schema_version": SCHEMA_VERSION,
            "version": version,
            "since": entry["at"],
            "history": [*pointer["history"], entry],
        },
    )


def changing(home: Home) -> AbstractContextManager[None]:
    """Hold the lock of whoever changes which version serves."""
    return locked(home.locks / "champion.lock")


def _pointer_file(home: Home) -> Path:
    return home.champion / "champion.json"


def _read_pointer(home: Home) -> dict[str, Any]:
    path = _pointer_file(home)
    if not path.exists():
        return {"version": None, "history": []}
    pointer = read_json(path)
    if pointer.get("schema_version") != SCHEMA_VERSION:
        raise ArtifactError(
            f"{path} has schema version {pointer.get('schema_version')!r}.",
            f"This version of the project reads schema version {SCHEMA_VERSION}.",
            "Use the version that wrote it.",
        )
    return pointer
