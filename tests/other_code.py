"""The project after an upgrade: a copy of its package with a line more, run as a process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_code(folder: Path, *, changed: str | None = None) -> Path:
    """Copy the package into a folder; of one module the copy has a line of comment more."""
    shutil.copytree(
        ROOT / "cxr_tasks", folder / "cxr_tasks", ignore=shutil.ignore_patterns("__pycache__")
    )
    if changed:
        with (folder / "cxr_tasks" / changed).open("a", encoding="utf-8") as module:
            module.write("# changed\n")
    return folder


def run_code(code: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where `cxr_tasks` is that in a folder or archive, and give what it printed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=code.parent,
        env={**os.environ, "PYTHONPATH": f"{code}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_command(code: Path, home: Path, *arguments: str) -> tuple[int, str]:
    """Run a command of the copy on a shared volume; give its status and all it printed."""
    done = run_code(code, "-m", "cxr_tasks", *arguments, "--home", str(home))
    return done.returncode, done.stdout
