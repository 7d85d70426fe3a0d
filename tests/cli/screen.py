"""A terminal to watch a command in: what stands in its window, and what it scrolled out of it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_TOKENS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")
_QUIET_SECONDS, _PATIENCE_SECONDS = 0.2, 60.0


class Drawn(NamedTuple):
    """What a terminal shows: its lines, of which so many have left the window at the top."""

    lines: list[str]
    n_scrolled: int


class Screen:
    """A pseudo terminal, and all that was written to it."""

    def __init__(self, ours: int, theirs: int, n_lines: int) -> None:
        self._ours, self._theirs, self._n_lines = ours, theirs, n_lines
        self._written = b""

    def start(self, command: Sequence[str], *, cwd: Path) -> "subprocess.Popen[bytes]":
        """Start a command in it."""
        sizes = ("COLUMNS", "LINES")  # which would be believed before the window's
        environ = {name: value for name, value in os.environ.items() if name not in sizes}
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**environ, "TERM": "xterm-256color"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
        )

    @property
    def written(self) -> str:
        """All that was written so far."""
        return self._written.decode()

    @property
    def drawn(self) -> Drawn:
        """What it shows now."""
        return _draw(self.written, n_lines=self._n_lines)

    def read_until(self, is_enough: Callable[[], bool]) -> None:
        """Read until there is enough, and no more for a moment, so that no page is half drawn."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while self._read_on() or not is_enough():
            assert time.monotonic() < end, self.drawn

    def _read_on(self) -> bool:
        if not select.select([self._ours], [], [], _QUIET_SECONDS)[0]:
            return False
        self._written += os.read(self._ours, 65536)
        return True


@contextmanager
def opened_screen(*, n_lines: int, width: int) -> Iterator[Screen]:
    """Yield a terminal whose window has a size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", n_lines, width, 0, 0))
    try:
        yield Screen(ours, theirs, n_lines)
    finally:
        os.close(ours)
        os.close(theirs)


def _draw(written: str, *, n_lines: int) -> Drawn:
    """Follow what was written, as far as a page is drawn over the one before with it."""
    lines, row, top = [""], 0, 0
    for token in _TOKENS.finditer(written):
        number, command = token[1], token[2]
        if token[0] == "\n":
            row += 1
            lines += [""] * (row == len(lines))
            top = max(top, row - n_lines + 1)
        elif command == "A":  # up, as far as the window goes
            row = max(top, row - int(number))
        elif command == "K":
            lines[row] = ""
        elif not command and token[0] != "\r":
            lines[row] += token[0]
    return Drawn(lines, top)
