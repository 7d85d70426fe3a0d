"""Locks taken without waiting: what somebody works on is left alone."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout


class Holder:
    """Locks taken one after another, each once, and held until a stack is closed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._held: set[Path] = set()

    @property
    def held(self) -> frozenset[Path]:
        """The locks that are held."""
        return frozenset(self._held)

    def take_all(self, locks: Iterable[Path]) -> bool:
        """Take all these locks or none, and say whether they were taken. Nobody is waited for."""
        missing = [path for path in locks if path not in self._held]
        with ExitStack() as own:
            if not all(_take(path, own) for path in missing):
                return False
            self._stack.push(own.pop_all())
        self._held.update(missing)
        return True


def is_taken(path: Path) -> bool:
    """Say whether somebody holds a lock, or may; a lock file that does not exist is not made."""
    if not path.exists():
        return False
    with ExitStack() as stack:
        try:
            return not _take(path, stack)
        except OSError:  # such as another user's lock file
            return True


def _take(path: Path, stack: ExitStack) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    stack.callback(lock.release)
    return True
