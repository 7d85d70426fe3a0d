"""Airflow's UI as `make ui` serves it, from a home of its own."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.volume.paths import Home
from tests.dags.airflow_cli import ROOT, make_airflow_home, run_python

_READY_SECONDS = 240


@dataclass(frozen=True)
class Ui:
    """Airflow's UI on this machine, the shared volume behind it, and the shell beside it."""

    address: str
    user: str
    password: str
    home: Home
    shell: Mapping[str, str]


@contextmanager
def serving_ui(folder: Path) -> Iterator[Ui]:
    """Serve the UI until the block ends."""
    port = _free_port()
    shell = make_airflow_home(folder)
    pools = folder / "pools.json"
    pools.write_text(run_python(["-m", "cxr_tasks", "pools"], shell, expected=0).stdout)
    run_python(["-m", "airflow", "pools", "import", str(pools)], shell, expected=0)
    environ = shell | {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
    }
    log = folder / "ui.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "cxr_tasks", "ui"],
            env=environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        told = _wait_until_told(server, log)
        yield Ui(
            f"http://localhost:{port}",
            told["user"],
            told["password"],
            Home(folder / "cxr-home"),
            shell,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def _wait_until_told(server: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """Wait until the command says where the UI is and who may sign in."""
    deadline = time.monotonic() + _READY_SECONDS
    while "password" not in (text := log.read_text()):
        assert server.poll() is None, text
        assert time.monotonic() < deadline, text
        time.sleep(1)
    return dict(re.findall(r"^  (user|password)\s+(\S+)$", text, re.MULTILINE))
