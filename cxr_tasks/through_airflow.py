"""A run through the DAG from the command line: `airflow dags test`, its log in a file."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.files import read_json
from cxr_tasks.paths import RunPaths
from cxr_tasks.pipeline import check_complete
from cxr_tasks.process import StageError
from cxr_tasks.settings import RunConfig
from cxr_tasks.unchanged import unchanged_since

DAG_ID = "cxr_pipeline"
_N_LAST_LINES = 15


def run_dag(run: RunPaths, config: RunConfig, environ: Mapping[str, str]) -> None:
    """Run the DAG once, in one process, without a server.

    Raises:
        ConfigError: The shell has no Airflow home of this project.
        StageError: Airflow ended badly.
        TrainingError: The report is made, but a variant has failed.
    """
    require_airflow_home(environ)
    log = run.root / "airflow.log"
    exit_code = _dags_test(run, config, environ, log)
    if exit_code and not list(run.root.rglob("*.error.json")):  # it failed outside the stages
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        told = "\n".join([f"Airflow failed; see {log}.", *lines[-_N_LAST_LINES:]])
        raise StageError(told, retryable=True)
    if unchanged_since(run):
        return
    check_complete(run, config)
    if run.error("promote").exists():
        raise StageError(str(read_json(run.error("promote"))["message"]), retryable=True)


def require_airflow_home(environ: Mapping[str, str]) -> Path:
    """Give the folder of the Airflow installation, which `activate.sh` has prepared.

    Raises:
        ConfigError: The shell has not been prepared.
    """
    if "AIRFLOW_HOME" not in environ:
        raise ConfigError(
            "AIRFLOW_HOME is not set.",
            "Whatever goes through Airflow needs the project's Airflow home.",
            "Prepare the shell first: . ./activate.sh",
        )
    return Path(environ["AIRFLOW_HOME"])


def _dags_test(run: RunPaths, config: RunConfig, environ: Mapping[str, str], log: Path) -> int:
    conf = json.dumps(config.as_dict() | {"run": run.key})
    command = [sys.executable, "-m", "airflow", "dags", "test", DAG_ID, "--conf", conf]
    with log.open("ab") as stream:
        return subprocess.run(
            command,
            env={**environ, "CXR_HOME": str(run.home.root), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
