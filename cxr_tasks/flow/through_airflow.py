"""A run through the DAG from the command line: `airflow dags test`, its log in a file."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.errors import EXIT_CODE, ConfigError
from cxr_tasks.flow.process import StageError
from cxr_tasks.machine.child_process import end_process, stopped_by_sigterm
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.runs.failure import read_failure
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths

DAG_ID = "cxr_pipeline"
_N_LAST_LINES = 15
_GRACE_SECONDS = 6.0
"""For Airflow to end the stage that it runs, which has half as long, and to write that down."""

_ERROR = re.compile(r"[\w.]+(Error|Exception): ")
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT")


def run_dag(run: RunPaths, config: RunConfig, environ: Mapping[str, str]) -> None:
    """Run the DAG once, in one process, without a server.

    Raises:
        ConfigError: The shell has no Airflow home of this project.
        StageError: Airflow ended badly, or a stage that the rest of the run needs.
        TrainingError: The report is made, but a variant or the audit has failed.
    """
    require_airflow_home(environ)
    log = run.root / "airflow.log"
    before = _failures(run)
    logged_before = log.stat().st_size if log.exists() else 0
    if _dags_test(run, config, environ, log):
        new = [path for path, stamp in _failures(run).items() if before.get(path) != stamp]
        _raise_first_cause(run, config, new, _last_error(log, logged_before))
    if not unchanged_since(run):
        check_complete(run, config)


def require_airflow_home(environ: Mapping[str, str]) -> Path:
    """Return the folder of the Airflow installation, which `activate.sh` has prepared.

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


def _failures(run: RunPaths) -> dict[Path, int]:
    """Find what stages have left about how they failed, each with when it was written."""
    return {path: path.stat().st_mtime_ns for path in sorted(run.root.rglob("*.error.json"))}


def _dags_test(run: RunPaths, config: RunConfig, environ: Mapping[str, str], log: Path) -> int:
    conf = json.dumps(config.as_dict() | {"run": run.key})
    command = [sys.executable, "-m", "airflow", "dags", "test", DAG_ID, "--conf", conf]
    with log.open("ab") as stream, stopped_by_sigterm():
        airflow = subprocess.Popen(
            command,
            env={**environ, "CXR_HOME": str(run.home.root), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            return airflow.wait()
        except BaseException:
            end_process(airflow, grace_seconds=_GRACE_SECONDS)
            raise


def _raise_first_cause(
    run: RunPaths, config: RunConfig, failed: list[Path], last_error: str
) -> None:
    """Raise what ended a run that did not succeed.

    Args:
        run: The run.
        config: Its settings.
        failed: What stages have left about how they failed this time.
        last_error: What Airflow's log says last, for a task that failed outside of its stage.
    """
    if not failed:
        raise StageError(last_error, retryable=True)
    for stage in ("ingest", "split"):
        if run.error(stage) in failed:
            raise _stage_error(run.error(stage))
    check_complete(run, config)
    raise _stage_error(failed[0])


def _stage_error(path: Path) -> StageError:
    failure = read_failure(path)
    return StageError(failure.message, retryable=failure.exit_code != EXIT_CODE)


def _last_error(log: Path, offset: int) -> str:
    """Find the last error in what was added to Airflow's log, or else its last lines."""
    lines = log.read_bytes()[offset:].decode(errors="replace").splitlines()
    starts = [at for at, line in enumerate(lines) if _ERROR.match(line)]
    if not starts:
        return "\n".join([f"Airflow failed; see {log}.", *lines[-_N_LAST_LINES:]])
    message = [_ERROR.sub("", lines[starts[-1]], count=1)]
    for line in lines[starts[-1] + 1 :]:
        if not line.strip() or _LOG_LINE.match(line):
            break
        message.append(line)
    return "\n".join([*message, f"(Airflow's log: {log})"])
