"""A stage as a child process: started from a list, watched, its failure written down."""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.files import locked, remove_leftovers, write_json
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress
from cxr_tasks.runs import open_run

_N_LAST_LINES = 30
_GRACE_SECONDS = 3.0
"""What a child that is asked to end has for it; Airflow's supervisor waits 5 s for the task."""

_WITHOUT_MEMORY = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)
"""How a training ends without memory: by the kernel, by C++, or in a library's null pointer."""

_PR_SET_PDEATHSIG = 1
_PARENT = "CXR_PARENT_PID"
_STARTS = re.compile(r"(Fold \d+: )?[\w.]*(Error|Exception)\b|Fold \d+: The process ")


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
    exit_code, lines = _run_child(
        _stage_command(stage, variant), _environment(run, environ), on_line
    )
    if exit_code == 0:
        error_file.unlink(missing_ok=True)
        return
    message = failure_message(exit_code, lines) + _memory_hint(exit_code, run, stage)
    if run.config.exists():  # else the run was deleted, and nothing of it is to come back
        _tell_failure(run, error_file, progress, exit_code, message, lines)
    raise StageError(message, retryable=exit_code != EXIT_CODE)


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
        hint = _memory_hint(exit_code, run, "train")
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


def failure_message(exit_code: int, lines: list[str]) -> str:
    """Find what a person should read in the last lines of a failed process.

    The project's own errors and Python's tracebacks both end with `SomeError: ...`; what a fold's
    process ended with is told again by its variant's.
    """
    starts = [at for at, line in enumerate(lines) if _STARTS.match(line)]
    told = "\n".join(lines[starts[-1] :]) if starts else (lines[-1] if lines else "")
    if exit_code == EXIT_CODE and told:
        return told
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"The process was ended by {name}{hint}." + (f"\n{told}" if told else "")
    return f"The process ended with exit code {exit_code}." + (f"\n{told}" if told else "")


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


def _memory_hint(exit_code: int, run: RunPaths, stage: str) -> str:
    """Name the setting that decides about memory where a training may have had too little of it."""
    if stage != "train" or -exit_code not in _WITHOUT_MEMORY:
        return ""
    try:
        _, config = open_run(run.home, run.key)
    except CxrError:
        return ""
    return f"\nIf memory ran out: batch_size is {config.batch_size}, and a smaller one needs less."


def _tell_failure(
    run: RunPaths, path: Path, progress: Progress, exit_code: int, message: str, lines: list[str]
) -> None:
    """Write down how a stage failed, where a reader of the run looks for it."""
    written = {
        "exit_code": exit_code,
        "signal": signal.Signals(-exit_code).name if exit_code < 0 else None,
        "message": message,
        "last_lines": lines,
    }
    try:
        with locked(run.lock("failure")):
            remove_leftovers(path)
            write_json(path, written)
        progress.emit("failed", message)
    except OSError as err:  # such as a full volume, which may be why the stage failed
        progress.echo(f"How the stage failed could not be written down: {err}")
