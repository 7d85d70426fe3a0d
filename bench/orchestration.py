"""What Airflow adds to a run: the same small run through the DAG and without it.

Both ways are the user's command lines, with one child process a stage, each in a fresh shared
volume. `airflow dags test` runs one task after another; without Airflow the audit runs beside the
trainings, so that the difference also has what this saves. Taken in turns, several times; medians
count.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.child import run_python
from cxr_tasks.flow.through_airflow import require_airflow_home
from cxr_tasks.variants import VARIANTS

SMALL_RUN = ("--phantom-images=48", "--epochs=2", "--weights=random")
"""What the tests of the DAG run: all that is left is nearly the same for any run."""

_OTHER_TASKS = ("start", "ingest", "split", "audit", "evaluate", "report", "gate", "promote")
N_TASKS = len(_OTHER_TASKS) + len(VARIANTS)


def measure_orchestration(
    *,
    scratch: Path,
    report: Callable[[str], None],
    n_repeats: int = 3,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Time both ways in turns, with an Airflow home of their own.

    Raises:
        ConfigError: The shell has not been prepared for Airflow.
        StageError: A run failed.
    """
    require_airflow_home(environ)
    environ = {**environ, "AIRFLOW_HOME": str(scratch / "airflow")}
    run_python(["-m", "airflow", "db", "migrate"], environ=environ)
    dag, direct = [], []
    for number in range(1, n_repeats + 1):
        report(f"small run {number} of {n_repeats}, without Airflow")
        direct.append(_time_run(scratch / f"direct-{number}", environ))
        report(f"small run {number} of {n_repeats}, through the DAG")
        dag.append(_time_run(scratch / f"dag-{number}", environ, "--airflow"))
    return summarise(dag, direct)


def summarise(dag_seconds: list[float], direct_seconds: list[float]) -> dict[str, Any]:
    """Return the medians, and the cost of Airflow as the median of each turn's difference."""
    cost = median([dag - direct for dag, direct in zip(dag_seconds, direct_seconds, strict=True)])
    return {
        "dag_seconds": round(median(dag_seconds), 1),
        "direct_seconds": round(median(direct_seconds), 1),
        "cost_seconds": round(cost, 1),
        "cost_seconds_per_task": round(cost / N_TASKS, 2),
        "n_tasks": N_TASKS,
        "all_dag_seconds": [round(seconds, 1) for seconds in dag_seconds],
        "all_direct_seconds": [round(seconds, 1) for seconds in direct_seconds],
    }


def _time_run(home: Path, environ: Mapping[str, str], *flags: str) -> float:
    started = time.monotonic()
    command = ["-m", "cxr_tasks", "run", "--home", str(home), "--run", "bench"]
    run_python([*command, *SMALL_RUN, *flags], environ=environ)
    return time.monotonic() - started
