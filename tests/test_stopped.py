"""A stage that is stopped from outside: nothing runs on, and what is there is gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.machine.devices import n_cores
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.training.ready_run import ready_to_train
from tests.training.test_gone_wrong import VARIANT, starting_with

WITHIN_SECONDS = 30.0
"""The grace of a child that does not want to end, and something for a busy machine."""

# As a task of Airflow: in a process group of its own, deaf to SIGTERM or ended by it.
_TASK = """
import signal, sys
from pathlib import Path
from cxr_tasks.volume.paths import Home
from cxr_tasks.flow.process import run_stage
how, root, stage, *variant = sys.argv[1:]
ends = how == "raises"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143) if ends else None)
run_stage(stage, Home(Path(root)).run("first"), variant=variant[0] if variant else None)
"""


class Task:
    """A stage run as by Airflow's task runner, which whoever stops it takes with its group."""

    def __init__(
        self, how: str, run: RunPaths, *stage: str, environ: dict[str, str] | None = None
    ) -> None:
        self._how = how
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", _TASK, how, str(run.home.root), *stage],
            env=environ,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_for(self, text: str) -> None:
        """Read what it prints up to a line with this text."""
        for line in self._process.stdout or ():
            if text in line:
                return
        pytest.fail(f"it ended before it printed {text!r}")

    def wait_until(self, what: Callable[[], bool]) -> None:
        while not what():
            assert self._process.poll() is None, "it ended before it was stopped"
            time.sleep(0.02)

    def members(self) -> list[str]:
        """List the command lines of the living processes in its group."""
        return [
            (path / "cmdline").read_text().replace("\0", " ")
            for path in Path("/proc").glob("[0-9]*")
            if _is_alive_in_group(path, self._process.pid)
        ]

    def stop(self) -> None:
        """Stop it as Airflow does (SIGTERM to the group), or it alone; nothing may be left."""
        send = os.kill if self._how == "raises" else os.killpg
        send(self._process.pid, signal.SIGTERM)
        until = time.monotonic() + WITHIN_SECONDS
        left = self.members()
        while left and time.monotonic() < until:
            time.sleep(0.05)
            self._process.poll()
            left = self.members()
        if left:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        assert left == []


def _is_alive_in_group(path: Path, group: int) -> bool:
    try:
        state, _, of_process = (path / "stat").read_text().rsplit(")", 1)[1].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(of_process) == group and state != "Z"


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    run = start_run(make_config({}), Home(tmp_path), "first")
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)"
    )
    # not as an argument of the task itself: it would be deaf too
    environ = starting_with(tmp_path, f"'-m' in sys.orig_argv and exec({deaf!r})")
    task = Task("raises", run, "train", VARIANT, environ=environ)
    task.wait_for("deaf")
    task.stop()


@pytest.mark.parametrize("how", ["group", pytest.param("raises", marks=pytest.mark.slow)])
def test_stopped_ingestion_takes_its_workers_along(tmp_path: Path, how: str) -> None:
    run = start_run(make_config({"phantom_images": 600}), Home(tmp_path), "first")
    task = Task(how, run, "ingest")
    building = tmp_path / "datasets"
    task.wait_until(lambda: any(each.stat().st_size for each in building.glob(".*/images.npy")))
    assert n_cores() == 1 or any("spawn_main" in member for member in task.members())
    task.stop()
    assert not list(building.glob("[!.]*"))
    told = read_json(run.error("ingest"))
    assert (told["stopped"], told["message"].split(".")[0]) == (True, "Stopped")


@pytest.mark.slow
def test_interrupted_run_says_how_to_go_on(tmp_path: Path) -> None:
    command = ["run", "--home", str(tmp_path), "--run", "first", "--phantom-images", "2000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", *command],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not list((tmp_path / "datasets").glob(".*/images.npy")):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does at Ctrl-C
    told, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert process.returncode == 130
    assert told.rstrip().endswith("Stopped. What is finished is kept: run it again to go on.")
    assert "Traceback" not in told


@pytest.mark.slow
def test_stopped_training_leaves_nothing_running_and_is_gone_on_with(tmp_path: Path) -> None:
    settings = {
        "variants": VARIANT,
        "phantom_images": 40,
        "folds": 2,
        "epochs": 2000,
        "patience": 2000,
        "batch_size": 8,
        "threads": 2,
    }
    run = ready_to_train(Home(tmp_path), "first", settings)
    checkpoint = run.training(VARIANT) / "fold-1.partial" / "checkpoint.npz"
    task = Task("raises", run, "train", VARIANT)
    task.wait_until(checkpoint.exists)
    assert sum("cxr_tasks" in member for member in task.members()) == 3  # task, train, fold
    task.stop()
    assert checkpoint.exists()
    assert not run.train(VARIANT).exists()

    again = Task("group", run, "train", VARIANT)
    again.wait_for("Continuing after epoch")
    again.stop()
    assert checkpoint.exists()
