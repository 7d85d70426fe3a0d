"""What a killed process must not leave behind."""

import fcntl
import os
import time
from pathlib import Path

from cxr_tasks.errors import CxrError
from cxr_tasks.volume.record_model import StageRecord, parse_facts
from cxr_tasks.volume.records import check_outputs
from cxr_tasks.volume.sealed import read_sealed

_GRACE_SECONDS = 5.0
_PROC = Path("/proc")


class AnyStage(StageRecord):
    """What the records of all stages have."""

    FILE = "its record"
    COMMAND = "its command"


def orphans_of(home: Path) -> list[str]:
    """Name the processes that still work on a shared volume; they have a moment to end."""
    until = time.monotonic() + _GRACE_SECONDS
    while (found := processes_of(home)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def end(home: Path) -> None:
    """End what works on a shared volume, so that one trial does not spoil the next."""
    for pid in processes_of(home):
        os.kill(int(pid.split()[0]), 9)


def held_locks_of(home: Path) -> list[str]:
    """Name the lock files that somebody holds; who is on the way out has a moment to let go.

    Linux takes a killed process's memory first, so that it counts as gone, and then its locks.
    """
    until = time.monotonic() + _GRACE_SECONDS
    while (held := _held_now(home)) and time.monotonic() < until:
        time.sleep(0.1)
    return held


def _held_now(home: Path) -> list[str]:
    held = []
    for path in sorted((home / "locks").glob("*.lock")):
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(path.name)
        finally:
            os.close(descriptor)
    return held


def false_wholes_of(home: Path) -> list[str]:
    """Name the records that are not what was written, or whose files are not what they say."""
    false = []
    for path in sorted(home.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(home).parts):
            continue  # hidden: not taken for anything
        try:
            record = read_sealed(path) if "content_sha256" in path.read_text() else {}
            if "outputs" in record:
                check_outputs(path.parent, parse_facts(record, AnyStage, path=path))
        except (CxrError, UnicodeDecodeError):
            false.append(str(path.relative_to(home)))
    return false


def processes_of(home: Path) -> list[str]:
    """Name the processes that work on a shared volume, each as its number and command line."""
    wanted = f"CXR_HOME={home}".encode()
    found = []
    for folder in _PROC.glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile, or is another user's
            continue
        if wanted in environment and any(words):  # a zombie has no words
            found.append(f"{folder.name} {b' '.join(words).decode(errors='replace').strip()}")
    return found
