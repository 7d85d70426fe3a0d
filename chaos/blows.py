"""The kinds of blows, and how one of them is drawn and struck."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaos.prefix import RUN, Prefix, Step, environment
from chaos.struck import Blow

KINDS = ("SIGKILL", "SIGTERM", "failing write", "full volume", "memory limit")
_LIMIT_SECONDS = 300
_MB = 1_000_000


@dataclass(frozen=True)
class Struck:
    """How a process that was hit has ended."""

    was_hit: bool  # whether the blow struck before its work was done
    status: int  # its exit status; negative for a signal
    output: str  # what it printed


@contextmanager
def volume(parent: Path, *, kind: str) -> Iterator[Path]:
    """Return an empty folder for a shared volume, on a file system of its own for `full volume`."""
    home = parent / "home"
    home.mkdir(parents=True)
    if kind != "full volume":
        yield home
        shutil.rmtree(home, ignore_errors=True)
        return
    _run("mount", "-t", "tmpfs", "-o", "size=4g", "cxr-chaos", str(home))
    try:
        yield home
    finally:
        _run("umount", "--lazy", str(home))


def can_mount() -> bool:
    """Return whether this user may mount a file system: only then a volume can be made full."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def strike(
    kind: str, step: Step, prefix: Prefix, home: Path, *, rng: np.random.Generator
) -> Struck:
    """Start a step on a copy of the prefix and hit it at a random moment.

    Signals come half of the time right before a change of the volume, each equally likely, else
    at any time; a limit of file size, space or memory lies anywhere below what the step needs.
    """
    blow, seconds = Blow(), None
    if kind in ("SIGKILL", "SIGTERM"):
        number = getattr(signal, kind)
        if rng.random() < 0.5:
            blow = Blow(number, int(rng.integers(1, max(2, prefix.n_changes[step.name] + 1))))
        else:
            seconds = float(rng.uniform(0, prefix.seconds[step.name]))
    elif kind == "failing write":
        blow = Blow(max_file_bytes=int(10 ** rng.uniform(2, np.log10(_largest(prefix, step)))))
    elif kind == "memory limit":
        blow = Blow(max_data_bytes=int(rng.uniform(30, _memory_mb(prefix, step)) * _MB))
    elif kind == "full volume":
        _leave_space(home, int(10 ** rng.uniform(3, np.log10(_written(prefix, step)))))
    try:
        return _run_struck(step, home, blow, kind=kind, seconds=seconds)
    finally:
        if kind == "full volume":
            _run("mount", "-o", "remount,size=4g", str(home))


def _run_struck(step: Step, home: Path, blow: Blow, *, kind: str, seconds: float | None) -> Struck:
    with subprocess.Popen(
        [sys.executable, "-m", "chaos.struck", *step.command, "--run", RUN],
        env=environment(home, blow),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        if seconds is not None:
            time.sleep(seconds)
            child.send_signal(getattr(signal, kind))
        output, _ = child.communicate(timeout=_LIMIT_SECONDS)
    return Struck(child.returncode != 0, child.returncode, output)


def _largest(prefix: Prefix, step: Step) -> int:
    return max(path.stat().st_size for path in _made_by(prefix, step))


def _written(prefix: Prefix, step: Step) -> int:
    return sum(path.stat().st_size for path in _made_by(prefix, step))


def _made_by(prefix: Prefix, step: Step) -> list[Path]:
    """Name the files that a step makes."""
    folders = step.makes(prefix.home)
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def _memory_mb(prefix: Prefix, step: Step) -> float:
    """Return about what a step needs: with less it breaks somewhere, perhaps while it starts."""
    heavy = step.stage in ("fold", "train", "evaluate") or (
        step.stage == "audit" and prefix.recipe.name == "folded"
    )
    return 1500 if heavy else 250


def _leave_space(home: Path, n_bytes: int) -> None:
    """Make the file system of a volume so small that only so much more fits."""
    status = os.statvfs(home)
    used = (status.f_blocks - status.f_bfree) * status.f_frsize
    _run("mount", "-o", f"remount,size={used + max(n_bytes, 4096)}", str(home))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
