"""Some processes at once, none of them longer than allowed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.runs.failure import failure_message

DONE = "done"
_PARENT = "CXR_PARENT_PID"
"""Tells a child whose end is its own, for `die_with_parent`."""
_ROOT = Path(__file__).parents[2]
_N_LAST_LINES = 30
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Command:
    """A fresh interpreter's arguments, and what its environment has beside this process's."""

    arguments: Sequence[str]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: str  # `done`, or why not, for a person
    seconds: float  # from its start to its end, its libraries' start included
    last_lines: str = ""  # the end of what it wrote, unless it is done


def run_at_once(commands: Mapping[str, Command], *, logs: Path, seconds: float) -> dict[str, Ended]:
    """Run fresh interpreters side by side until the last has ended or time is up.

    Args:
        commands: By a name for each.
        logs: Folder for what they write.
        seconds: After which those that still run are killed, with all that they started.
    """
    logs.mkdir(parents=True, exist_ok=True)
    started, running, ended = time.monotonic(), {}, {}
    try:
        for name, command in commands.items():
            running[name] = _start(command, logs / f"{name}.log")
        while running:
            elapsed = time.monotonic() - started
            for name, child in list(running.items()):
                is_late = elapsed > seconds and child.poll() is None
                if is_late:
                    _kill(child)
                if child.poll() is not None:
                    ended[name] = _ended(running.pop(name), logs / f"{name}.log", elapsed, is_late)
            time.sleep(_POLL_SECONDS)
    finally:
        for child in running.values():
            _kill(child)
    return {name: ended[name] for name in commands}


def _start(command: Command, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, *command.arguments],
            cwd=_ROOT,
            env={**os.environ, **command.environ, _PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _kill(child: "subprocess.Popen[bytes]") -> None:
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ended(child: "subprocess.Popen[bytes]", log: Path, seconds: float, is_late: bool) -> Ended:
    code, took = child.returncode, round(seconds, 2)
    if code == 0:
        return Ended(DONE, took)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_N_LAST_LINES:]
    why = f"cut off after {seconds:.0f} s" if is_late else f"failed: {failure_message(code, lines)}"
    return Ended(why, took, "\n".join(lines))
