"""Airflow's command line, on a home of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.drawn_run import drawn_once

ROOT = Path(__file__).parents[2]


def make_airflow_home(folder: Path) -> dict[str, str]:
    """Give an environment with an Airflow home in a folder, its database ready."""
    environ = {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "CXR_HOME": str(folder / "cxr-home"),
    }
    copy_database(folder, environ)
    return environ


def copy_database(folder: Path, environ: Mapping[str, str]) -> None:
    """Put Airflow's database into its home in a folder; it is made once, which takes seconds."""
    with drawn_once("airflow") as (made, is_made):
        if not is_made:
            elsewhere = {**environ, "AIRFLOW_HOME": str(made)}
            run_python(["-m", "airflow", "db", "migrate"], elsewhere, expected=0)
    shutil.copy(made / "airflow.db", folder)


def run_python(
    arguments: list[str], environ: Mapping[str, str], *, expected: int
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        env=dict(environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout[-4000:] + done.stderr[-4000:]
    return done


def dags_test(
    dag_id: str, conf: dict[str, Any], environ: Mapping[str, str], *, expected: int
) -> subprocess.CompletedProcess[str]:
    arguments = ["-m", "airflow", "dags", "test", dag_id, "--conf", json.dumps(conf)]
    return run_python(arguments, environ, expected=expected)
