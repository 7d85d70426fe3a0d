"""Airflow's own UI on this machine, with a metadata database of its own.

A scheduler takes up every run that it finds in its database, also one that `make run` or
`airflow dags test` is at: with the shell's database, two executors would work on one run.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.airflow_components import Components, running
from cxr_tasks.flow.process import StageError
from cxr_tasks.flow.through_airflow import DAG_ID, require_airflow_home

_START_SECONDS = 180
_LOCKED_SECONDS = 60
"""How long a component waits for its turn in the database; SQLite's 5 are too few where an
overloaded machine writes slowly, and a component that waits in vain ends."""
_DEFAULT_PORT = "8080"
_HEALTH = "/api/v2/monitor/health"

HOST = "AIRFLOW__API__HOST"
"""Environment variable: Airflow's own, the address that the UI listens on."""

THIS_MACHINE = "127.0.0.1"
"""Where nobody names another: Airflow itself would listen on every address."""

EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - what a person may have named

CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
"""Environment variable: Airflow's own; where a person has set it, it holds for all."""

_END_RUNS_OF_THE_SHELL = """
update task_instance set state = 'failed'
where state in ('scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'deferred')
  and exists (select 1 from dag_run
              where dag_run.dag_id = task_instance.dag_id and dag_run.run_id = task_instance.run_id
                and dag_run.triggered_by = 'TEST');
update dag_run set state = 'failed' where state in ('queued', 'running') and triggered_by = 'TEST';
"""
"""Of Airflow's tables; it writes TEST for what `airflow dags test` runs."""


def serve_ui(environ: Mapping[str, str]) -> None:
    """Run Airflow's components until they are stopped, with the DAG unpaused.

    Raises:
        ConfigError: No Airflow home, or the port is taken.
        StageError: Airflow did not become healthy, or its components ended again and again; its
            log says why.
    """
    folder = require_airflow_home(environ)
    environ = {HOST: THIS_MACHINE, **environ}
    address = address_of(environ)
    if _answers(address):
        raise ConfigError(
            f"Something answers at {address} already.",
            "Airflow's UI needs a port of its own.",
            "Stop the other, or choose a port with AIRFLOW__API__PORT=8081.",
        )
    environ, shells = with_ui_database(environ, folder), environ
    if environ == shells:  # a database that nobody has prepared for this
        _run_steps([["db", "migrate"]], environ)
    log = folder / "airflow-ui.log"
    print(f"Starting Airflow (log: {log}) ...", flush=True)
    # Whoever stops this process by a signal stops Airflow with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running(_environment(environ, address), log) as components:
        try:
            _wait_until_healthy(address, components, log)
            _unpause(environ)
            _print_login(address, environ[HOST], folder)
            components.keep_running()
        except KeyboardInterrupt:
            print("\nStopping Airflow ...", flush=True)


def address_of(environ: Mapping[str, str]) -> str:
    """Return where this machine reaches the UI, by the address and port that it listens on."""
    host = environ[HOST]
    if host in EVERY_ADDRESS:
        host = THIS_MACHINE
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{environ.get('AIRFLOW__API__PORT', _DEFAULT_PORT)}"


def _environment(environ: Mapping[str, str], address: str) -> dict[str, str]:
    """Point tasks at the server where it is: Airflow takes the port 8080 for granted."""
    return {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/", **environ}


def _answers(address: str) -> bool:
    import httpx  # which takes a tenth of a second, and the command line imports this module

    try:
        httpx.get(f"{address}{_HEALTH}", timeout=5, trust_env=False)  # no proxy to this machine
    except httpx.HTTPError:
        return False
    return True


def _wait_until_healthy(address: str, components: Components, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(address):
        if components.ended() or time.monotonic() > deadline:
            raise StageError(f"Airflow did not start; {log} says why.", retryable=True)
        time.sleep(1)


def _unpause(environ: Mapping[str, str]) -> None:
    """Unpause the pipeline; the DAG processor may need a moment until it knows it."""
    for _ in range(6):
        if not _airflow(["dags", "unpause", "--yes", DAG_ID], environ).returncode:
            return
        time.sleep(5)


def _print_login(address: str, host: str, folder: Path) -> None:
    passwords = folder / "simple_auth_manager_passwords.json.generated"
    user, password = next(iter(json.loads(passwords.read_text(encoding="utf-8")).items()))
    print(f"\nAirflow is ready.\n  address   {address}/dags/{DAG_ID}")
    print(f"  user      {user}\n  password  {password}")
    if not is_this_machine(host):
        print(
            f"\nIt listens on {host}: whoever reaches this machine can try to sign in, and what "
            "is sent is not encrypted."
        )
    print("\nCtrl-C stops it.", flush=True)


def is_this_machine(host: str) -> bool:
    """Return whether only this machine can reach what listens there."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def with_ui_database(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Name the UI's own database in an environment, and prepare it where that is due.

    It begins as a copy of the shell's, with all that the UI showed before there were two.

    Args:
        environ: The environment of the shell.
        folder: The Airflow home, whose `airflow.db` is ready.

    Raises:
        StageError: Airflow could not prepare it.
    """
    shells = folder / "airflow.db"
    if CONNECTION in environ or not shells.exists():  # Airflow is configured by other means
        return dict(environ)
    database = folder / "ui.db"
    own = {**environ, CONNECTION: f"sqlite:///{database}?timeout={_LOCKED_SECONDS}"}
    is_new = not database.exists()
    if is_new:
        _copy(shells, database)
    _prepare(folder, own, is_new=is_new)
    return own


def _copy(shells: Path, database: Path) -> None:
    """Copy a database that may be in use, and end in the copy what is the shell's to run."""
    copying = database.with_name(f"{database.name}-copying")
    for leftover in database.parent.glob(f"{database.name}-*"):
        leftover.unlink()  # such as the log of a database that is gone, which would spoil this one
    with closing(sqlite3.connect(shells)) as source, closing(sqlite3.connect(copying)) as target:
        source.backup(target)
        target.executescript(_END_RUNS_OF_THE_SHELL)
        target.execute("pragma wal_checkpoint(truncate)")
    copying.replace(database)


def _prepare(folder: Path, environ: Mapping[str, str], *, is_new: bool) -> None:
    """Migrate it and import the pools where the locked packages have changed since."""
    prepared, mark = folder / "prepared.lock", folder / "ui-prepared.lock"
    if not prepared.exists() or (mark.exists() and mark.read_bytes() == prepared.read_bytes()):
        return
    if not is_new:
        _run_steps([["db", "migrate"], ["pools", "import", str(folder / "pools.json")]], environ)
    shutil.copy(prepared, mark)


def _run_steps(steps: list[list[str]], environ: Mapping[str, str]) -> None:
    for step in steps:
        done = _airflow(step, environ)
        if done.returncode:
            text = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StageError(f"airflow {' '.join(step)} failed:\n{text}", retryable=True)


def _airflow(
    arguments: list[str], environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )
