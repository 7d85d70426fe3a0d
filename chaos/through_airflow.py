"""A whole run of the DAG in which the processes of some stages are killed, and retried."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chaos.aftermath import end, false_wholes_of, held_locks_of, orphans_of, processes_of
from chaos.numbers import numbers_of, tree_of
from chaos.prefix import RUN, Prefix, Step, ended_python, environment
from chaos.trial import Outcome, only_here

KIND = "SIGKILL, retried by Airflow"
_ROOT = Path(__file__).parent.parent
_LIMIT_SECONDS = 900


def run_dag_and_kill(
    prefix: Prefix, steps: Sequence[Step], *, rng: np.random.Generator
) -> list[Outcome]:
    """Run `airflow dags test cxr_pipeline` from nothing, and kill each of some steps once.

    Args:
        prefix: What the run has to end like.
        steps: What is killed, each at a random moment of the time that it takes.
        rng: Decides the moments.

    Returns:
        An outcome for each kill; what is wrong at the end of the run stands in the first.

    Raises:
        RuntimeError: The run ended before anything could be killed.
    """
    with tempfile.TemporaryDirectory(prefix="cxr-chaos-airflow-") as place:
        home = Path(place) / "home"
        environ = _airflow_environment(Path(place) / "airflow", home)
        _airflow(["db", "migrate"], environ)
        killer = _Killer(
            home, {step: float(rng.uniform(0, prefix.seconds[step.name])) for step in steps}
        )
        conf = json.dumps({"run": RUN, **prefix.settings})
        with killer:
            told = _airflow(["dags", "test", "cxr_pipeline", "--conf", conf], environ, check=False)
        if not killer.killed:
            raise RuntimeError(f"No stage could be killed. The end of Airflow's output:\n{told}")
        try:
            return _outcomes(killer.killed, prefix, home, told)
        finally:
            end(home)


class _Killer:
    """Waits for the process of each step, and kills it a while after it has begun."""

    def __init__(self, home: Path, delays: dict[Step, float]) -> None:
        self.killed: list[Step] = []
        self._home = home
        self._delays = dict(delays)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for step, delay in list(self._delays.items()):
                pid = self._find(step)
                if pid is not None:
                    del self._delays[step]
                    self._kill(pid, step, delay)

    def _find(self, step: Step) -> int | None:
        wanted = f"-m cxr_tasks {' '.join(step.command)}"
        found = [told for told in processes_of(self._home) if told.endswith(wanted)]
        return int(found[0].split()[0]) if found else None

    def _kill(self, pid: int, step: Step, delay: float) -> None:
        time.sleep(delay)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it was faster than undisturbed
            return
        self.killed.append(step)


def _outcomes(killed: list[Step], prefix: Prefix, home: Path, told: str) -> list[Outcome]:
    numbers, expected = numbers_of(home), numbers_of(prefix.home)
    whole = Outcome(
        step="",
        kind=KIND,
        status=-signal.SIGKILL,
        unclear="",
        different_numbers=sorted(name for name in expected if numbers.get(name) != expected[name]),
        leftovers=sorted(only_here(tree_of(home), tree_of(prefix.home))),
        orphans=orphans_of(home),
        locks_held=held_locks_of(home),
        false_wholes=false_wholes_of(home),
        failed_again=told,
    )
    clean = Outcome("", KIND, -signal.SIGKILL, "", [], [], [], [], [])
    return [
        Outcome(**vars(clean if number else whole) | {"step": step.name})
        for number, step in enumerate(killed)
    ]


def _airflow_environment(airflow_home: Path, home: Path) -> dict[str, str]:
    return {
        **environment(home),
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }


def _airflow(arguments: list[str], environ: dict[str, str], *, check: bool = True) -> str:
    """Run Airflow's command line; return its last lines where it failed."""
    command = ["-W", "ignore", "-m", "airflow", *arguments]
    done = ended_python(command, environ, timeout_seconds=_LIMIT_SECONDS)
    if not done.returncode:
        return ""
    last = "\n".join(done.stdout.splitlines()[-15:])
    if check:
        raise RuntimeError(f"airflow {' '.join(arguments)} ended with {done.returncode}:\n{last}")
    return last
