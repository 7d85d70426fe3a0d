"""Locks of the shared volume: of one thing, and of the volume as a whole.

Each is the operating system's (`flock`) on a file in `$CXR_HOME/locks`, and dies with its holder.
Whoever works on the volume holds it together with all others who do (`volume_in_use`), besides the
locks of what it makes; whoever frees space holds it alone.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import STAGES, Home, RunPaths

_POLL_SECONDS = 0.2
"""Less than a run needs between two stages, where nothing is held."""


@contextmanager
def locked(path: Path, *, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a lock file, made where it is missing; whoever comes second is told once, and waits."""
    lock = _file_lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether a process holds a lock file; this one may only be able to read it.

    A shared lock tells, let go at once: whoever comes in between waits for a moment.
    """
    return _is_refused(path, os.O_RDONLY, fcntl.LOCK_SH)


@contextmanager
def volume_in_use(home: Home, *, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Work on the shared volume, with others who do: no space is freed during the block.

    A block may stand within another. While space is freed, the next one is told once, and waits.
    """
    path = _volume_lock(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    # filelock's lock for readers and writers is a database, which network file systems spoil
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        # a process that is just being started may have a copy of the descriptor for a moment
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


@contextmanager
def volume_alone(home: Home, *, wait_seconds: float) -> Iterator[bool]:
    """Hold the shared volume alone, where nobody works on it, and yield whether that is so.

    Others are waited for, unless `wait_seconds` is 0.
    """
    lock = _file_lock(_volume_lock(home))
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_volume_in_use(home: Home) -> bool:
    """Return whether a process works on the shared volume, or frees space; nothing is written."""
    return _is_refused(_volume_lock(home), os.O_RDWR, fcntl.LOCK_EX)


def locks_of_run(run: RunPaths) -> list[Path]:
    """List the locks that stages of a run have taken; its name may begin another run's."""
    stages, variants = "|".join(("start", "failure", *STAGES)), "|".join(VARIANTS)
    pattern = rf"run-{re.escape(run.key)}-(?:{stages})(?:-(?:{variants})(?:-fold-\d+)?)?\.lock"
    taken = run.home.locks.glob(f"run-{run.key}-*.lock")
    return [path for path in taken if re.fullmatch(pattern, path.name)]


def _volume_lock(home: Home) -> Path:
    return home.locks / "volume.lock"


def _file_lock(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    # a soft lock, which filelock would fall back to, outlives a holder that is killed
    return FileLock(path, fallback_to_soft=False)


def _is_refused(path: Path, flags: int, operation: int) -> bool:
    try:
        descriptor = os.open(path, flags)
    except OSError:  # nobody has taken it yet, or it is not to be opened
        return False
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False
