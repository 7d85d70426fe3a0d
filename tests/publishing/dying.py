"""A publisher that is killed: `python -m tests.publishing.dying HOME RUN ADDRESS N_WRITES`.

The process kills itself right behind that many objects; it counts the pointer's and manifests' too.
"""

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

from cxr_tasks.publishing.destination import parse_destination
from cxr_tasks.publishing.sending import publish_champion, publish_report
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home, RunPaths

ROOT = Path(__file__).parents[2]


class DyingStore(Store):
    """Kills its process behind so many writes."""

    n_writes = 0
    _written = count(1)

    def write(self, name: str, content: bytes) -> None:
        super().write(name, content)
        if next(self._written) == self.n_writes:
            os.kill(os.getpid(), signal.SIGKILL)


def publish_and_die(run: RunPaths, address: str, *, n_writes: int) -> None:
    """Publish a run and the champion in a process that is killed behind so many writes."""
    arguments = [str(run.home.root), run.key, address, str(n_writes)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.publishing.dying", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


if __name__ == "__main__":
    DyingStore.n_writes = int(sys.argv[4])
    home, made = Home(Path(sys.argv[1])), DyingStore(parse_destination(sys.argv[3]))
    publish_report(home.run(sys.argv[2]), made)
    publish_champion(home, made)
