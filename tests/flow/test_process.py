import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_tasks.flow.process import GivenBack, StageError, run_stage
from cxr_tasks.runs.failure import failure_message, failure_of_process
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return start_run(make_config({}), Home(tmp_path), "first")


def test_own_error_is_written_down_and_not_retried(run: RunPaths) -> None:
    with pytest.raises(StageError) as caught:
        run_stage("split", run, on_line=lambda _: None)
    assert not caught.value.retryable
    written = read_json(run.error("split"))
    assert written["exit_code"] == 2
    assert written["message"] == str(caught.value)
    assert written["message"].startswith("ArtifactError: The stage 'ingest'")


def test_stage_of_a_removed_run_brings_nothing_back(run: RunPaths) -> None:
    shutil.rmtree(run.root)
    with pytest.raises(StageError, match="no run"):
        run_stage("split", run, on_line=lambda _: None)
    assert not run.root.exists()


def test_signal_is_named() -> None:
    assert failure_message(-9, ["epoch 3"]).startswith("The process was ended by SIGKILL")


@pytest.mark.parametrize("exit_code", [-signal.SIGTERM, -signal.SIGINT, 130])
def test_a_stop_is_no_failure(exit_code: int) -> None:
    message = failure_message(exit_code, ["ValueError: in the middle of it"])
    assert message.startswith("Stopped. What is finished is kept")
    assert failure_of_process(exit_code, message, []).stopped
    assert not failure_of_process(-9, "killed", []).stopped


@pytest.mark.parametrize(
    ("goes_on", "raised", "kind"),
    [(True, GivenBack, "given back"), (False, KeyboardInterrupt, "stopped")],
)
def test_a_stage_that_is_asked_to_end_is_no_failure_where_another_goes_on(
    run: RunPaths, goes_on: bool, raised: type[BaseException], kind: str
) -> None:
    printed: list[str] = []

    def ask_to_end(line: str) -> None:
        printed.append(line)
        if len(printed) == 2:  # the first is of this process
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(raised):
        run_stage("ingest", run, on_line=ask_to_end, goes_on_elsewhere=lambda: goes_on)
    *_, (last, _) = read_events(run.progress)
    assert (last.stage, last.kind) == ("ingest", kind)
    assert run.error("ingest").exists() is not goes_on
    assert not run.ingest.exists()


def test_an_error_of_its_own_is_a_failure_wherever_it_would_go_on(run: RunPaths) -> None:
    with pytest.raises(StageError):
        run_stage("split", run, on_line=lambda _: None, goes_on_elsewhere=lambda: True)
    assert run.error("split").exists()


def test_traceback_ends_with_its_last_line() -> None:
    lines = ["Traceback (most recent call last):", '  File "x"', "ValueError: bad", "more"]
    assert failure_message(1, lines) == "The process ended with exit code 1.\nValueError: bad\nmore"


def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    """As when a worker is killed with SIGKILL in the middle of a training."""
    pid_file = tmp_path / "pid"
    child = (
        "import os, time; from cxr_tasks.machine.child_process import die_with_parent;"
        f"die_with_parent(os.environ); open({str(pid_file)!r}, 'w').write(str(os.getpid()));"
        "time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys, time;"
        f"subprocess.Popen([sys.executable, '-c', {child!r}],"
        " env={**os.environ, 'CXR_PARENT_PID': str(os.getpid())}); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.05)
    pid = int(pid_file.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(100):
        if not _running(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
