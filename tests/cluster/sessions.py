"""Processes in a session of their own: found, and ended, with all that they started."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def start(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    """Start a process as the leader of a new session, which its children inherit."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=log.parent,
        )


def members(session: int) -> list[int]:
    """List the live processes of a session."""
    return [pid for pid in _all_pids() if session_of(pid) == session and _is_alive(pid)]


def session_of(pid: int) -> int:
    """Give the session of a process, 0 where it has ended."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a session at once and whole, as a container's or a machine's end does."""
    deadline = time.monotonic() + 10
    while (left := members(process.pid)) and time.monotonic() < deadline:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        process.poll()
        time.sleep(0.05)
    process.wait()


def stop(processes: Sequence["subprocess.Popen[bytes]"], *, seconds: float) -> None:
    """Ask processes to end, as `docker compose stop` does, and kill what is left of them."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.2)
    for process in processes:
        kill(process)


def with_in_environment(text: str) -> list[str]:
    """Describe the live processes whose environment holds a text, whatever their session."""
    return [
        f"{pid} {_read(pid, 'cmdline')}"
        for pid in _all_pids()
        if pid != os.getpid() and text in _read(pid, "environ") and _is_alive(pid)
    ]


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _is_alive(pid: int) -> bool:
    stat = _read(pid, "stat")
    return bool(stat) and stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").replace("\0", " ")
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return ""


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
