"""Standard output that may be closed, full, or unable to hold every character."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from cxr_tasks.errors import EXIT_CODE, OutputError


class _Checked:
    """A stream whose failures are told apart from those of the shared volume."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _told_apart():
            return self._stream.write(text)

    def flush(self) -> None:
        with _told_apart():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        raise
    except OSError as err:
        raise OutputError(
            f"Standard output takes no more text ({err.strerror}).",
            "A command says there what it does and has done.",
            "What it has finished is kept. Run it again with an output that can be written.",
        ) from err


def with_output(main: Callable[[], int]) -> int:
    """Run a command whose output is checked, and return its exit status.

    A character that the output cannot hold is written as its code; a closed output says nothing.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        getattr(sys, name).reconfigure(errors="backslashreplace")
    sys.stdout = cast("TextIO", _Checked(sys.stdout))
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        status = 128 + signal.SIGPIPE
    except OutputError as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr)
        status = EXIT_CODE
    else:
        return status
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
    return status
