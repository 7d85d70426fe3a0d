"""Kaggle's official client as a child process: started, watched, its failures told apart."""

import errno
import os
import re
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from cxr_tasks.data.sources.kaggle_secrets import hider
from cxr_tasks.errors import SourceError
from cxr_tasks.settings.kaggle_handle import slug_of
from cxr_tasks.volume.progress import Report, warning

STALL_SETTING = "CXR_KAGGLE_STALL_SECONDS"
"""Environment variable: seconds without a new byte or line after which the client is ended."""

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
_NOT_QUOTED = ("Dataset URL", "License", "Partial file saved", "You can resume")
_REPORTED = ("License", "Resuming from", "Retry", "Connection error", "Rate limited")

_ACCOUNT = (
    "Set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or the Airflow connection "
    "kaggle_default"
)
_OWN_FILE = "or download it in a browser and use source=zip with data=PATH"
_KEPT = "What has arrived is kept: run again, and the download goes on from there"


class _Failure(NamedTuple):
    """A way to fail: what the client writes then (a pattern), and what a person should read."""

    sign: str
    problem: str
    rule: str
    remedy: str


# What the client writes where, and that every failure exits 1, was read in kaggle 2.2.4.
_FAILURES = {
    "full": _Failure(
        rf"\[Errno (?:{errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\]",
        "There is no room left for the download of {handle}.",
        "The zip of the data set has to fit into the cache on the shared volume.",
        f"Free space, or name another folder with CXR_HOME or --home. {_KEPT}.",
    ),
    "damaged": _Failure(
        "does not match expected size",
        "What Kaggle sent as {handle} is no sound zip file.",
        "It has to open, and its checksums and size have to be those declared.",
        f"It has been removed: run again to fetch it anew; {_OWN_FILE}.",
    ),
    "cut": _Failure(
        r"Download failed after \d+ retries",
        "The connection was cut again and again while {handle} was downloaded.",
        "Kaggle's client takes up a cut download five times before it gives up.",
        f"{_KEPT}; {_OWN_FILE}.",
    ),
    "unauthorized": _Failure(
        f"401 Client Error|{_HELP}|Unauthenticated",
        "Kaggle does not accept the credentials for {handle}, or wants some.",
        "Public data need no account, but wrong or expired credentials are refused even there.",
        f"{_ACCOUNT}, to ones that are valid; for a public data set remove them.",
    ),
    "forbidden": _Failure(
        r"403 Client Error|Forbidden|Permission '[^']*' was denied",
        "Kaggle does not allow this account, or nobody without an account, to read {handle}.",
        "It may be private, want its rules accepted, or not exist: Kaggle tells these not apart.",
        f"Check the name; accept the rules on the data set's page. {_ACCOUNT}; {_OWN_FILE}.",
    ),
    "missing": _Failure(
        "404 Client Error|[Nn]ot [Ff]ound",
        "Kaggle has no data set {handle}.",
        "kaggle_dataset is OWNER/SLUG, as the data set's address ends.",
        "Correct kaggle_dataset (command line: --kaggle-dataset).",
    ),
    "unreachable": _Failure(
        r"(?:429|5\d\d) (?:Client|Server) Error|Max retries exceeded|Read timed out|"
        "[Cc]onnection ?(?:[Ee]rror|aborted|broken)",
        "Kaggle cannot be reached for {handle}.",
        "It needs a connection to kaggle.com, by HTTPS_PROXY where set; three tries were made.",
        f"Run again when the connection works; {_OWN_FILE}.",
    ),
    "unknown": _Failure(
        "",  # whatever else it writes
        "Kaggle's client could not download {handle}.",
        "The command `kaggle datasets download {handle}` has to succeed.",
        f"Try that command by hand to see more; {_OWN_FILE}.",
    ),
    "stalled": _Failure(
        r"(?!)",  # it writes nothing
        "The download of {handle} stood still and was ended.",
        f"Something has to arrive within the time that {STALL_SETTING} sets.",
        f"{_KEPT}. On a slow line set {STALL_SETTING} higher.",
    ),
}


class DownloadError(Exception):
    """The data set was not brought.

    Attributes:
        kind: A key of `_FAILURES`.
        details: The client's own words, secrets hidden.
    """

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(kind, details)
        self.kind = kind
        self.details = details

    def explained(self, handle: str) -> SourceError:
        """Return what a person should read about it."""
        _, *parts = _FAILURES[self.kind]
        problem, rule, remedy = (part.format(handle=handle) for part in parts)
        return SourceError(f"{problem} ({self.details})", rule, remedy)


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
    watch = _Watch(into / f"{slug_of(handle)}.zip", environ, report)
    with subprocess.Popen(
        [*command, "-p", str(into)],
        env=_environment(environ, into),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as child:
        try:
            for line in _lines(child.stdout):
                watch.look(line)
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        text = "\n".join(watch.lines)
        kind = next(kind for kind, failure in _FAILURES.items() if re.search(failure.sign, text))
        quoted = " / ".join(watch.last_lines())[-_N_QUOTED_CHARACTERS:]
        raise DownloadError(kind, quoted or "it said nothing")


def _lines(stream: IO[bytes] | None) -> Iterator[str]:
    """Yield a child's lines as they come, and an empty one whenever none comes for a moment."""
    rest = b""
    while stream is not None:
        if not select.select([stream], [], [], _POLL_SECONDS)[0]:
            yield ""
            continue
        if not (read := os.read(stream.fileno(), 1 << 16)):
            break
        *lines, rest = re.split(rb"[\r\n]+", rest + read)
        yield from (line.decode(errors="replace") for line in lines)
    yield rest.decode(errors="replace")


class _Watch:
    """What the client wrote, secrets hidden, and how far its file has grown."""

    def __init__(self, growing: Path, environ: Mapping[str, str], report: Report) -> None:
        self.lines: deque[str] = deque(maxlen=_N_LAST_LINES)
        self._growing = growing
        self._hide = hider(environ)
        self._report = report
        self._size = 0
        self._grown = self._reported = time.monotonic()
        try:
            self._stall_seconds = float(environ.get(STALL_SETTING, _STALL_SECONDS))
        except ValueError:
            self._stall_seconds = _STALL_SECONDS

    def look(self, line: str) -> None:
        """Take a line of the client, or an empty one, and look at its file.

        Raises:
            DownloadError: It stands still, or the disk is full.
        """
        now = time.monotonic()
        size = self._growing.stat().st_size if self._growing.exists() else 0
        if line or size != self._size:
            self._grown = now
        if size > self._size and now - self._reported > _PROGRESS_SECONDS:
            self._report(f"Kaggle download: {size / 1e6:,.0f} MB so far")
            self._reported = now
        self._size = size
        if now - self._grown > self._stall_seconds:
            waited = f"no new byte in {self._stall_seconds:g} s"
            raise DownloadError("stalled", " / ".join([waited, *self.last_lines()]))
        self._listen(self._hide(line.strip()))

    def last_lines(self) -> list[str]:
        """Return the last lines that are worth quoting."""
        lines = [line for line in self.lines if not line.startswith(_NOT_QUOTED)]
        # For 401 alone the client prints a page of instructions instead of the answer.
        return [f"401: {_HELP}"] if f"{_HELP}." in lines else lines[-_N_QUOTED_LINES:]

    def _listen(self, line: str) -> None:
        if not line or "%|" in line or "B/s]" in line:  # a progress bar, made for terminals
            return
        self.lines.append(line)
        if re.search(_FAILURES["full"].sign, line):
            # The client would go on for a minute and try five times more to write.
            raise DownloadError("full", line)
        if pause := re.search(r"Retrying in ([\d.]+) seconds", line):
            # An announced pause, which a busy server may set, is no standstill.
            self._grown += min(float(pause.group(1)), _LONGEST_PAUSE_SECONDS)
        if line.startswith(_REPORTED):
            self._report(line)


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
