"""Airflow's components on one machine, as `airflow standalone` starts them.

`airflow standalone` would also serve the tasks' logs, twice and on every address of the machine,
and no setting of Airflow binds those servers elsewhere. On one machine nobody needs them: the API
server reads the logs where they lie.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Never

from cxr_tasks.flow.process import StageError
from cxr_tasks.machine.child_process import ending_with_parent

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
"""Each with the arguments that it is started with."""

_STOP_SECONDS = 15
_MOST_ENDINGS = 5
"""So often a component may end by itself before that counts as a failure."""


class Components:
    """Airflow's components, each a process in a session of its own."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        self._environ = dict(environ)
        self._log = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._n_endings = 0

    def start(self) -> None:
        """Start those that do not run; what they print is added to the log."""
        with self._log.open("ab") as stream:
            for name in COMPONENTS:
                if name not in self._running:
                    self._running[name] = self._started(name, stream)

    def ended(self) -> list[str]:
        """Return the names of those that have ended."""
        return [name for name, each in self._running.items() if each.poll() is not None]

    def keep_running(self) -> Never:
        """Start each again that ends, as one does where its database stays locked for too long.

        Raises:
            StageError: They ended too often.
        """
        while True:
            for name in self.ended():
                self._n_endings += 1
                if self._n_endings > _MOST_ENDINGS:
                    text = f"Airflow's {name} ended again and again; {self._log} says why."
                    raise StageError(text, retryable=True)
                print(f"Airflow's {name} ended; it is started again.", flush=True)
                del self._running[name]
                self.start()
            time.sleep(1)

    def stop(self) -> None:
        """Stop all, each with what it has started."""
        for request in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for each in self._running.values():
                _send(each, request)
            deadline = time.monotonic() + _STOP_SECONDS
            while len(self.ended()) < len(self._running) and time.monotonic() < deadline:
                time.sleep(0.1)

    def _started(self, name: str, stream: BinaryIO) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ending_with_parent([sys.executable, "-m", "airflow", name, *COMPONENTS[name]]),
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def running(environ: Mapping[str, str], log: Path) -> Iterator[Components]:
    """Run Airflow's components while the block lasts."""
    components = Components(environ, log)
    try:
        components.start()
        yield components
    finally:
        components.stop()


def _send(component: "subprocess.Popen[bytes]", request: signal.Signals) -> None:
    if component.poll() is None:
        os.killpg(component.pid, request)
