"""Airflow's components as processes: started again where one ends, and all stopped at the end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.flow.airflow_components import COMPONENTS, running
from cxr_tasks.flow.process import StageError
from tests.dags.airflow_cli import ROOT

STAND_IN = """
import os, sys, time
print("began", sys.argv[1], flush=True)
print(os.getpid(), file=open(os.environ["PIDS"], "a"))
if sys.argv[1] == {dies!r}:
    sys.exit(1)
time.sleep(600)
"""


def environ(folder: Path, *, dies: str) -> dict[str, str]:
    """Put a module in Airflow's place, of which one component ends at once."""
    (folder / "airflow").mkdir()
    (folder / "airflow" / "__init__.py").touch()  # else the installed one goes first
    (folder / "airflow" / "__main__.py").write_text(STAND_IN.format(dies=dies))
    return {**os.environ, "PYTHONPATH": str(folder), "PIDS": str(folder / "pids")}


SERVED = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])  # this project; what is first on the path is the stand-in
from cxr_tasks.flow.airflow_components import running
with running(os.environ, Path(sys.argv[1])):
    time.sleep(600)
"""


def test_a_component_that_ends_is_started_again_but_not_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    with (
        running(environ(tmp_path, dies="scheduler"), log) as components,
        pytest.raises(StageError, match="scheduler ended again and again"),
    ):
        components.keep_running()
    assert log.read_text().count("began scheduler\n") == 6
    assert "Airflow's scheduler ended; it is started again." in capsys.readouterr().out


def test_all_are_stopped_at_the_end(tmp_path: Path) -> None:
    with running(environ(tmp_path, dies="none"), tmp_path / "log") as components:
        assert components.ended() == []
    assert components.ended() == list(COMPONENTS)


def test_none_outlives_a_server_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVED, str(tmp_path / "log"), str(ROOT)]
    pids = tmp_path / "pids"
    with subprocess.Popen(command, env=environ(tmp_path, dies="none")) as server:
        wait_until(lambda: pids.exists() and len(pids.read_text().splitlines()) == len(COMPONENTS))
        server.kill()
    wait_until(lambda: not any(map(is_alive, pids.read_text().split())))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_alive(pid: str) -> bool:
    status = Path("/proc") / pid / "stat"
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
