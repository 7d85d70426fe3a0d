"""Kaggle's official client as a child process: started, watched, its failures told apart."""

import errno
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from cxr_tasks.data.sources.kaggle_errors import STALL_SETTING, DownloadError, Kind
from cxr_tasks.data.sources.kaggle_login import hider
from cxr_tasks.settings.kaggle_handle import slug_of
from cxr_tasks.volume.progress import warning

Report = Callable[[str], None]

_STALL_SECONDS = 180.0
_PAUSES_SECONDS = (1.0, 3.0)
_LONGEST_PAUSE_SECONDS = 600.0
_PROGRESS_SECONDS = 10.0
_POLL_SECONDS = 0.2
_N_LAST_LINES = 40
_N_QUOTED_LINES = 3
_N_QUOTED_CHARACTERS = 600

# The installed `kaggle` script does the same, but is not where `sys.executable` is everywhere.
# `python -m kaggle` prints its help on signing in, whatever happens: the client allows anonymous
# access by the program's name, which is not set yet when the package signs in at import. The
# prctl is PR_SET_PDEATHSIG: a client that outlived a killed worker would write on while the
# next one holds the lock.
_PROGRAM = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(os.environ.pop("CXR_PARENT_PID")):
        os._exit(1)
sys.argv[0] = "kaggle"
from kaggle.cli import main
main()
"""

_HELP = "Authentication required to call the Kaggle API"
_FULL = rf"\[Errno (?:{errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\]"

# What the client writes where, and that every failure exits 1, was read in kaggle 2.2.4.
_UNREACHABLE = (
    r"(?:429|5\d\d) (?:Client|Server) Error|Max retries exceeded|Read timed out|"
    "[Cc]onnection ?(?:[Ee]rror|aborted|broken)"
)
_SIGNS: tuple[tuple[Kind, str], ...] = (
    ("full", _FULL),
    ("damaged", "does not match expected size"),
    ("cut", r"Download failed after \d+ retries"),
    ("unauthorized", f"401 Client Error|{_HELP}|Unauthenticated"),
    ("forbidden", r"403 Client Error|Forbidden|Permission '[^']*' was denied"),
    ("missing", "404 Client Error|[Nn]ot [Ff]ound"),
    ("unreachable", _UNREACHABLE),
)
_NOT_QUOTED = ("Dataset URL", "License", "Partial file saved", "You can resume")
_WORTH_TELLING = ("License", "Resuming from", "Retry", "Connection error", "Rate limited")


def run_client(handle: str, into: Path, *, environ: Mapping[str, str], report: Report) -> None:
    """Let the client download a data set's zip into a folder, or find that it is current.

    It resumes within one call, up to five times, and across calls where its own
    `.kaggle-partial` file lies beside the zip. It tries only once to reach the server at all,
    so that is repeated here.

    Raises:
        DownloadError: It did not succeed.
    """
    for pause in _PAUSES_SECONDS:
        try:
            return _run_once(handle, into, environ, report)
        except DownloadError as failure:
            if failure.kind != "unreachable":
                raise
            report(warning(f"Kaggle cannot be reached; trying again in {pause:.0f} s"))
            time.sleep(pause)
    return _run_once(handle, into, environ, report)


def _run_once(handle: str, into: Path, environ: Mapping[str, str], report: Report) -> None:
    command = [sys.executable, "-P", "-c", _PROGRAM, "datasets", "download", handle]
    watch = _Watch(into / f"{slug_of(handle)}.zip", _stall_seconds(environ), hider(environ), report)
    with subprocess.Popen(
        [*command, "-p", str(into)],
        env=_environment(environ, into),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as child:
        inbox, reader = _read_in_background(child.stdout)
        try:
            watch.follow(inbox)
        except BaseException:
            child.kill()
            raise
        finally:
            reader.join()
    if child.returncode != 0:
        raise DownloadError(_kind_of(watch.lines), _quoted(watch.lines))


class _Watch:
    """What the client said and how far its file has grown."""

    def __init__(
        self, growing: Path, stall_seconds: float, hide: Callable[[str], str], report: Report
    ) -> None:
        self.lines: deque[str] = deque(maxlen=_N_LAST_LINES)
        self._growing = growing
        self._stall_seconds = stall_seconds
        self._hide = hide
        self._report = report
        self._size = 0
        self._grown = self._told = time.monotonic()

    def follow(self, inbox: "queue.SimpleQueue[str | None]") -> None:
        """Listen until the client ends.

        Raises:
            DownloadError: It stands still, or the disk is full.
        """
        while True:
            try:
                line = inbox.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                line = ""
            if line is None:
                return
            self._look(line != "")
            self._listen(self._hide(line.strip()))

    def _look(self, heard: bool) -> None:
        now = time.monotonic()
        size = self._growing.stat().st_size if self._growing.exists() else 0
        if heard or size != self._size:
            self._grown = now
        if size > self._size and now - self._told > _PROGRESS_SECONDS:
            self._report(f"Kaggle download: {size / 1e6:,.0f} MB so far")
            self._told = now
        self._size = size
        if now - self._grown > self._stall_seconds:
            waited = f"no new byte in {self._stall_seconds:g} s"
            raise DownloadError("stalled", " / ".join([waited, *_last(self.lines)]))

    def _listen(self, line: str) -> None:
        if not line or "%|" in line or "B/s]" in line:  # a progress bar, made for terminals
            return
        self.lines.append(line)
        if re.search(_FULL, line):
            # The client would go on for a minute and try five times more to write.
            raise DownloadError("full", line)
        if pause := re.search(r"Retrying in ([\d.]+) seconds", line):
            # An announced pause, which a busy server may set, is no standstill.
            self._grown += min(float(pause.group(1)), _LONGEST_PAUSE_SECONDS)
        if line.startswith(_WORTH_TELLING):
            self._report(line)


def _read_in_background(
    stream: IO[str] | None,
) -> "tuple[queue.SimpleQueue[str | None], threading.Thread]":
    """Read a stream's lines in a thread, so that waiting for them can have a limit."""
    inbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in stream or ():
            inbox.put(line)
        inbox.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return inbox, reader


def _environment(environ: Mapping[str, str], into: Path) -> dict[str, str]:
    # VERBOSE makes the client print its request headers, the key among them, and load the
    # whole file into memory.
    passed = {key: value for key, value in environ.items() if not key.startswith("VERBOSE")}
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if not (home / ".kaggle").exists() and not (config / "kaggle").exists():
        # It makes its configuration folder where there is none, and dies on a read-only HOME.
        passed.setdefault("KAGGLE_CONFIG_DIR", str(into / "no-configuration"))
    # It compares the file's time with the server's as local times, which daylight saving moves.
    return passed | {
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "CXR_PARENT_PID": str(os.getpid()),
    }


def _stall_seconds(environ: Mapping[str, str]) -> float:
    try:
        return float(environ.get(STALL_SETTING, _STALL_SECONDS))
    except ValueError:
        return _STALL_SECONDS


def _kind_of(lines: deque[str]) -> Kind:
    text = "\n".join(lines)
    return next((kind for kind, sign in _SIGNS if re.search(sign, text)), "unknown")


def _quoted(lines: deque[str]) -> str:
    return " / ".join(_last(lines))[-_N_QUOTED_CHARACTERS:] or "it said nothing"


def _last(lines: deque[str]) -> list[str]:
    told = [line for line in lines if not line.startswith(_NOT_QUOTED)]
    # For 401 alone the client prints a page of instructions instead of the answer.
    return [f"401: {_HELP}"] if f"{_HELP}." in told else told[-_N_QUOTED_LINES:]
