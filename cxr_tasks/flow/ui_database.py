"""The metadata database of Airflow's UI on this machine: another than the one of the shell.

A scheduler takes up every run that it finds in its database, also one that `make run` or
`airflow dags test` is at: two executors would work on one run.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cxr_tasks.flow.process import StageError

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
    own = {**environ, CONNECTION: f"sqlite:///{database}"}
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
        _airflow(["db", "migrate"], environ)
        _airflow(["pools", "import", str(folder / "pools.json")], environ)
    shutil.copy(prepared, mark)


def _airflow(arguments: list[str], environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = os.linesep.join((done.stdout + done.stderr).splitlines()[-15:])
        raise StageError(f"airflow {' '.join(arguments)} failed:\n{told}", retryable=True)
