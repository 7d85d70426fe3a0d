"""Airflow's own UI on this machine: started, waited for, its address and password told."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.process import StageError
from cxr_tasks.flow.through_airflow import DAG_ID, require_airflow_home
from cxr_tasks.flow.ui_database import with_ui_database

_START_SECONDS = 180
_STOP_SECONDS = 15
_DEFAULT_PORT = "8080"
_HEALTH = "/api/v2/monitor/health"


def serve_ui(environ: Mapping[str, str]) -> None:
    """Run `airflow standalone` until it is stopped, with the DAG unpaused.

    Raises:
        ConfigError: No Airflow home, or the port is taken.
        StageError: Airflow did not become healthy; its log says why.
    """
    folder = require_airflow_home(environ)
    address = f"http://localhost:{environ.get('AIRFLOW__API__PORT', _DEFAULT_PORT)}"
    if _answers(address):
        raise ConfigError(
            f"Something answers at {address} already.",
            "Airflow's UI needs a port of its own.",
            "Stop the other, or choose a port with AIRFLOW__API__PORT=8081.",
        )
    environ = with_ui_database(environ, folder)
    log = folder / "standalone.log"
    print(f"Starting Airflow (log: {log}) ...", flush=True)
    with log.open("ab") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=_environment(environ, address),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Whoever stops this process by a signal stops Airflow with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _wait_until_healthy(address, server, log)
        _unpause(environ)
        _tell(address, folder)
        server.wait()
    except KeyboardInterrupt:
        print("\nStopping Airflow ...", flush=True)
    finally:
        _stop(server)


def _environment(environ: Mapping[str, str], address: str) -> dict[str, str]:
    """Let tasks call the server where it is: Airflow takes the port 8080 for granted."""
    return {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/", **environ}


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop Airflow with all its components.

    `airflow standalone` stops them on an interrupt only; a terminated one leaves them running.
    """
    for request in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, request)
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}{_HEALTH}", timeout=5).close()  # noqa: S310 - localhost
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _wait_until_healthy(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(address):
        if server.poll() is not None or time.monotonic() > deadline:
            raise StageError(f"Airflow did not start; {log} says why.", retryable=True)
        time.sleep(1)


def _unpause(environ: Mapping[str, str]) -> None:
    """Unpause the pipeline; the DAG processor may need a moment until it knows it."""
    command = [sys.executable, "-m", "airflow", "dags", "unpause", "--yes", DAG_ID]
    for _ in range(6):
        if subprocess.run(command, env=dict(environ), capture_output=True, check=False).returncode:
            time.sleep(5)
        else:
            return


def _tell(address: str, folder: Path) -> None:
    passwords = folder / "simple_auth_manager_passwords.json.generated"
    user, password = next(iter(json.loads(passwords.read_text(encoding="utf-8")).items()))
    print(f"\nAirflow is ready.\n  address   {address}/dags/{DAG_ID}")
    print(f"  user      {user}\n  password  {password}\n\nCtrl-C stops it.", flush=True)
