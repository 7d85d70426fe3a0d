"""A stage as a child process: started from a list, watched, stopped with its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from cxr_tasks.errors import EXIT_CODE
from cxr_tasks.failure import (
    failure_message,
    failure_of_process,
    interruption,
    memory_hint,
    write_failure,
)
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress

_N_LAST_LINES = 30
_GRACE_SECONDS = 3.0
"""What a child that is asked to end has for it; Airflow's supervisor waits 5 s for the task."""

_PR_SET_PDEATHSIG = 1
_PARENT = "CXR_PARENT_PID"


class StageError(Exception):
    """A stage's process ended badly; the text is what a person should read.

    Attributes:
        retryable: False for the project's own errors, which the same input brings again.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


def run_stage(
    stage: str,
    run: RunPaths,
    *,
    variant: str | None = None,
    environ: Mapping[str, str] = os.environ,
    on_line: Callable[[str], None] = print,
) -> None:
    """Run one stage of a run as a fresh interpreter, in this process's group.

    What the user typed reaches the child through the environment only. The process group
    stays the caller's, so that whoever stops the caller stops the child.

    Raises:
        StageError: The child ended with another status than 0.
    """
    progress = Progress(run.progress, stage, variant or "", echo=on_line)
    if run.config.exists():
        progress.emit("start", "started")
    error_file = run.error(stage, variant)
    command = _stage_command(stage, variant)
    with stopped_by_sigterm():
        try:
            exit_code, lines = _run_child(command, _environment(run, environ), on_line)
        except BaseException as err:
            write_failure(interruption(err), run, error_file, progress)
            raise
    if exit_code == 0:
        error_file.unlink(missing_ok=True)
        return
    message = failure_message(exit_code, lines) + memory_hint(exit_code, run, stage)
    write_failure(failure_of_process(exit_code, message, lines), run, error_file, progress)
    raise StageError(message, retryable=exit_code != EXIT_CODE)


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


def run_fold(
    variant: str,
    fold: int,
    run: RunPaths,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None] = print,
) -> None:
    """Train one fold of a variant as a fresh interpreter; its stage is `train`, the caller.

    Raises:
        StageError: The child ended with another status than 0.
    """
    command = [*_stage_command("fold", variant), "--fold", str(fold)]
    exit_code, lines = _run_child(command, _environment(run, environ), on_line)
    if exit_code:
        message = f"Fold {fold}: {failure_message(exit_code, lines)}"
        hint = memory_hint(exit_code, run, "train")
        raise StageError(message + hint, retryable=exit_code != EXIT_CODE)


def run_command(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None] = print,
) -> None:
    """Run a command of `python -m cxr_tasks` that belongs to no run, as a fresh interpreter.

    What a person typed goes into the environment or a file, never among the arguments.

    Raises:
        StageError: The child ended with another status than 0.
    """
    with stopped_by_sigterm():
        exit_code, lines = _run_child(_command(*arguments), _child_environment(environ), on_line)
    if exit_code:
        raise StageError(failure_message(exit_code, lines), retryable=exit_code != EXIT_CODE)


def die_with_parent(environ: Mapping[str, str]) -> None:
    """Ask Linux to end this process when the one that started it ends.

    A worker killed with SIGKILL can no longer stop its child, which would hold the device.
    """
    parent = environ.get(_PARENT)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it ended before the request was made
        os._exit(1)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cxr_tasks", *arguments]


def _stage_command(stage: str, variant: str | None) -> list[str]:
    return _command(stage) if variant is None else _command(stage, "--variant", variant)


def _environment(run: RunPaths, environ: Mapping[str, str]) -> dict[str, str]:
    named = {"CXR_HOME": str(run.home.root), "CXR_RUN": run.key}
    return _child_environment(environ) | named


def _child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, _PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}


def _run_child(
    command: list[str], environ: dict[str, str], on_line: Callable[[str], None]
) -> tuple[int, list[str]]:
    last_lines: deque[str] = deque(maxlen=_N_LAST_LINES)
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as child:
        try:
            for line in child.stdout or ():
                last_lines.append(line.rstrip("\n"))
                on_line(last_lines[-1])
        except BaseException:
            # Stopped from outside, or nobody to tell: the child must not outlive it.
            _end(child)
            raise
    return child.returncode, list(last_lines)


def _end(child: subprocess.Popen[str]) -> None:
    """Ask a child to end, and make it end where it does not; those below it die with it."""
    child.terminate()
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also where the wait was interrupted: whoever stops a second time is in a hurry
        child.kill()
