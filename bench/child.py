"""A command of the bench as a child process, whose last words are kept in case it fails."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cxr_tasks.flow.process import StageError

_ROOT = Path(__file__).parent.parent
_N_LAST_LINES = 15


def run_python(arguments: Sequence[str], *, environ: Mapping[str, str] = os.environ) -> None:
    """Run a fresh interpreter in the project's root to its end.

    Raises:
        StageError: It ended with another status than 0.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=_ROOT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stdout.splitlines()
        raise StageError("\n".join(lines[-_N_LAST_LINES:]), retryable=True)
