"""A command of `python -m cxr_tasks` in a process that is hit while it works.

`python -m chaos.struck COMMAND...` reads from the environment how, as JSON (`Blow`).
"""

import json
import os
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BLOW = "CXR_CHAOS_BLOW"
"""Environment variable: how the process is hit."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree"}


@dataclass(frozen=True)
class Blow:
    """How a process is hit, from the inside; a blow of none lets it work."""

    signal: int = 0  # what it sends itself right before a change of the shared volume
    before_change: int = 0  # which change, counted from 1; 0 for none
    max_file_bytes: int = 0  # a write beyond this fails (`RLIMIT_FSIZE`); 0 for no limit
    max_data_bytes: int = 0  # more private memory than this cannot be had (`RLIMIT_DATA`); likewise
    counted_to: str = ""  # file that is told at the end how many changes there were; empty for none

    def as_environment(self) -> dict[str, str]:
        """Return the blow as the struck process reads it."""
        return {BLOW: json.dumps(asdict(self))}


class _Counter:
    """Counts what the process changes on the shared volume, and hits it before one of them."""

    def __init__(self, home: Path, blow: Blow) -> None:
        self.n_changes = 0
        self._home = f"{home}{os.sep}"
        self._blow = blow

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an event of Python's audit hook (PEP 578)."""
        if not self._changes_home(event, arguments):
            return
        self.n_changes += 1
        if self.n_changes == self._blow.before_change:
            os.kill(os.getpid(), self._blow.signal)
            signal.pause()  # a handled signal is handled by the main thread, at once

    def _changes_home(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            if not arguments[2] & _WRITING:
                return False
        elif event not in _CHANGES:
            return False
        path = arguments[0]
        if isinstance(path, int) or path is None:
            return False
        return os.fsdecode(path).startswith(self._home)


def main() -> int:
    """Run the command under the blow that the environment describes."""
    from cxr_tasks.cli.main import main as run_command

    blow = Blow(**json.loads(os.environ[BLOW]))
    if blow.max_file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (blow.max_file_bytes,) * 2)
    if blow.max_data_bytes:
        # OpenBLAS, which comes with SciPy, tries for ever while it starts if it gets no memory.
        import scipy.special  # noqa: F401

        resource.setrlimit(resource.RLIMIT_DATA, (blow.max_data_bytes,) * 2)
    counter = _Counter(Path(os.environ["CXR_HOME"]), blow)
    sys.addaudithook(counter)
    status = run_command(sys.argv[1:])
    if blow.counted_to:
        Path(blow.counted_to).write_text(str(counter.n_changes))
    return status


if __name__ == "__main__":
    sys.exit(main())
