"""A child process of this project: started from a list, ended by its parent and with it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_N_LAST_LINES = 30
_GRACE_SECONDS = 3.0
"""What a child that is asked to end has for it; Airflow's supervisor waits 5 s for the task."""

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = Path("/proc/self/oom_score_adj")
_OOM_SCORE_ADDED = 500
"""Of 1000: half of all memory more than it has; raising it needs no right."""

_PARENT = "CXR_PARENT_PID"


class Child:
    """A command of `python -m cxr_tasks` as a fresh interpreter, in this process's group.

    To be started by a thread that lives as long as the child may: Linux ends the child with it.

    Args:
        arguments: The command; nothing that a person typed.
        environ: What the child is given.

    Attributes:
        last_lines: The last that it printed.
    """

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cxr_tasks", *arguments],
            env={**environ, _PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self.last_lines: deque[str] = deque(maxlen=_N_LAST_LINES)

    def lines(self) -> Iterator[str]:
        """Return what it prints, line by line, until it has closed its output."""
        if self._process.stdout is None:
            return
        with self._process.stdout as output:
            for line in output:
                self.last_lines.append(line.rstrip("\n"))
                yield self.last_lines[-1]

    def follow(self, on_line: Callable[[str], None]) -> int:
        """Pass on what it prints until it ends, and return its exit status."""
        for line in self.lines():
            on_line(line)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        return self._process.wait()

    def ask_to_end(self) -> None:
        """Ask it to end, and do not wait for that."""
        self._process.terminate()

    def end(self) -> None:
        """Ask it to end, and make it end where it does not; those below it die with it."""
        end_process(self._process, grace_seconds=_GRACE_SECONDS)


def end_process(process: "subprocess.Popen[Any]", *, grace_seconds: float) -> None:
    """Ask a process to end, and kill it where it has not ended after some seconds."""
    process.terminate()
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also where the wait was interrupted: whoever stops a second time is in a hurry
        process.kill()
        process.wait()


def run_child(
    arguments: Sequence[str], environ: Mapping[str, str], *, on_line: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run a command to its end; return its exit status and the last lines that it printed."""
    child = Child(arguments, environ)
    try:
        return child.follow(on_line), list(child.last_lines)
    except BaseException:
        # Stopped from outside, or nobody to tell: the child must not outlive it.
        child.end()
        raise


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let a request to end interrupt this process as Ctrl-C does, so that it can end its child.

    Asked again, it does not interrupt what is written down about the end; Ctrl-C twice does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signals.append(signal.SIGINT)
    before = {each: signal.signal(each, _stop) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def die_with_parent(environ: Mapping[str, str]) -> None:
    """Ask Linux to end this process with the one that started it, and before it for want of memory.

    A worker killed with SIGKILL can no longer stop its child, which would hold the device.
    """
    parent = environ.get(_PARENT)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _die_before_parent()
    if os.getppid() != int(parent):  # it ended before the request was made
        os._exit(1)


def _die_before_parent() -> None:
    """Ask Linux to end this process rather than its parent where memory runs out.

    The parent can then say why; a worker that is killed itself says nothing.
    """
    try:
        _OOM_SCORE.write_text(str(_OOM_SCORE_ADDED))
    except OSError:  # a sandbox without it
        return


def ending_with_parent(command: Sequence[str]) -> list[str]:
    """Return a command that runs another program, which is asked to end when this process ends.

    For programs that cannot call `die_with_parent`. To be started, as `Child`, by a thread that
    lives as long as the program may.

    Args:
        command: The program's path and its arguments.
    """
    program = f"""
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGTERM)})  # kept by execv
    if os.getppid() != {os.getpid()}:
        os._exit(1)
os.execv(sys.argv[1], sys.argv[1:])
"""
    return [sys.executable, "-c", program, *command]
