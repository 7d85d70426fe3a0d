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

import httpx

from cxr_tasks.volume.paths import Home
from tests.dags.airflow_cli import ROOT, make_airflow_home, run_python

_READY_SECONDS = 240
_REQUEST_SECONDS = 120  # of one answer, on a machine whose cores others use too


@dataclass(frozen=True)
class Ui:
    """Airflow's UI on this machine, the shared volume behind it, and the shell beside it."""

    address: str
    user: str
    password: str
    home: Home
    shell: Mapping[str, str]


@contextmanager
def serving_ui(folder: Path, **variables: str) -> Iterator[Ui]:
    """Serve the UI until the block ends, with some environment variables more."""
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
        **variables,
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
            told["address"].removesuffix("/dags/cxr_pipeline"),
            told["user"],
            told["password"],
            Home(folder / "cxr-home"),
            shell,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


@contextmanager
def signed_in(ui: Ui) -> Iterator[httpx.Client]:
    """Sign in to Airflow's own API, as the form does, once the pipeline is read."""
    with httpx.Client(base_url=ui.address, timeout=_REQUEST_SECONDS) as client:
        login = {"username": ui.user, "password": ui.password}
        token = client.post("/auth/token", json=login).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.cookies.set("_token", token)
        deadline = time.monotonic() + _READY_SECONDS
        while not client.get("/api/v2/dags/cxr_pipeline").is_success:
            assert time.monotonic() < deadline
            time.sleep(1)
        yield client


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
    return dict(re.findall(r"^  (address|user|password)\s+(\S+)$", text, re.MULTILINE))
