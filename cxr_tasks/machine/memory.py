"""Memory: the most that a stage has had with its worker processes, and whether it ran out."""

import errno
import mmap
import resource
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Event, Thread
from typing import Self

_INTERVAL_SECONDS = 0.1
_PROC = Path("/proc")
_BYTES_PER_MB = 1_000_000
_SCARCE_BYTES = 64 << 20


class MemoryWatch:
    """Looks at the memory of this process and all below it while it is open.

    Anonymous memory (`RssAnon` of Linux) is what a process has for itself: pages of mapped files,
    such as an image store, can be dropped at any time and do not count. Linux keeps no peak of
    it, so it is sampled ten times a second; what lives for less may be missed.
    """

    def __init__(self) -> None:
        self._peak_bytes = 0
        self._closing = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def peak_anon_mb(self) -> int:
        """Return the peak so far, in megabytes of a million bytes."""
        self._look()
        return round(self._peak_bytes / _BYTES_PER_MB)

    def _watch(self) -> None:
        while not self._closing.wait(_INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        self._peak_bytes = max(self._peak_bytes, anonymous_bytes())


def ran_out(err: BaseException) -> bool:
    """Return whether an error means that there was no more memory to be had.

    TensorFlow and PyTorch have errors of their own for a device's memory, JAX says it in the
    text. A library that is loaded finds no place for a segment, a thread none for its stack, and
    extensions forget to say why they failed: so an error of any name counts, too, where this
    process cannot have some tens of megabytes more.
    """
    text = str(err)
    return (
        isinstance(err, MemoryError)
        or type(err).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
        # the kernel ends one process where memory runs out, perhaps a worker
        or isinstance(err, BrokenProcessPool)
        or "RESOURCE_EXHAUSTED" in text
        or (isinstance(err, ImportError) and "map segment" in text)
        or (isinstance(err, RuntimeError) and "start new thread" in text)
        or (isinstance(err, OSError) and err.errno == errno.ENOMEM)
        or (isinstance(err, SystemError) and "without exception set" in text)
        or (type(err).__name__ == "EncodeError" and "Failed to serialize" in text)
        or _is_scarce()
    )


def _is_scarce() -> bool:
    try:
        mmap.mmap(-1, _SCARCE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return True
    return False


def anonymous_bytes() -> int:
    """Add up the anonymous memory of this process and its descendants at this moment.

    Elsewhere than on Linux: the largest resident memory that this process alone has had.
    """
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return sum(_anonymous_bytes_of(pid) for pid in _with_descendants("self"))


def _with_descendants(pid: str) -> Iterator[str]:
    yield pid
    try:
        children = [
            child
            for path in (_PROC / pid / "task").glob("*/children")
            for child in path.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return
    for child in children:
        yield from _with_descendants(child)


def _anonymous_bytes_of(pid: str) -> int:
    try:
        _, resident, of_files, *_ = (_PROC / pid / "statm").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(resident) - int(of_files)) * resource.getpagesize()
