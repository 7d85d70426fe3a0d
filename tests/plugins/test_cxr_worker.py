"""A Celery worker that is asked to end: who is asked with it, and who is left to finish."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dags.airflow_cli import ROOT, run_python

pytestmark = pytest.mark.timeout(120)

_READY_SECONDS = 60
_END_SECONDS = 15

# As Airflow's: a process of the pool forks one that does the work, and waits for it. What that one
# hears before its handlers are set ends it, and while it only loads, afterwards, nothing does.
_APP = """
import json, os, signal, sys, time
from pathlib import Path
from celery import Celery

here = Path(__file__).parent
folders = {"data_folder_in": str(here / "queue"), "data_folder_out": str(here / "queue")}
app = Celery("app", broker="filesystem://", broker_transport_options=folders)
app.conf.update(imports=json.loads(os.environ["IMPORTS"]), task_acks_late=True)


@app.task(name="execute_workload")
def execute_workload(workload):
    name, pid = json.loads(workload)["ti"]["dag_id"], os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        (here / f"{name}.begun").touch()
        time.sleep(float(os.environ["LOADS_SECONDS"]))
        signal.signal(signal.SIGTERM, lambda *_: None)
        time.sleep(1)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        (here / f"{name}.works").touch()
        time.sleep(float(os.environ["WORKS_SECONDS"]))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    (here / f"{name}.ended").write_text(str(os.waitstatus_to_exitcode(status)))
"""


@contextmanager
def worker(
    folder: Path, dag_id: str, *, hook: bool = True, loads: float = 0, works: float = 60
) -> Iterator["subprocess.Popen[bytes]"]:
    """Give a worker to which one task was sent."""
    (folder / "queue").mkdir()
    (folder / "app.py").write_text(_APP)
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "plugins"), str(folder))),
        "IMPORTS": json.dumps(["cxr_worker"] if hook else []),
        "LOADS_SECONDS": str(loads),
        "WORKS_SECONDS": str(works),
    }
    workload = json.dumps({"ti": {"dag_id": dag_id}})
    send = f"from app import execute_workload; execute_workload.delay({workload!r})"
    subprocess.run([sys.executable, "-c", send], env=environ, cwd=folder, check=True)
    command = ["celery", "--app", "app", "worker", "--concurrency", "2", "--without-mingle"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environ,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def process_with_a_name_of_bytes() -> Iterator[None]:
    """Have a process on this machine whose name is no text, as Linux cuts names in letters."""
    code = (
        "import ctypes; ctypes.CDLL(None).prctl(15, b'lungen-f\\xc3', 0, 0, 0);"
        "print('named', flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"named\n"
        yield
        process.kill()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, (path.parent / "log").read_text()
        time.sleep(0.05)


def test_a_task_is_asked_to_end_and_the_worker_ends_by_itself(tmp_path: Path) -> None:
    with process_with_a_name_of_bytes(), worker(tmp_path, "cxr_pipeline") as process:
        wait_for(tmp_path / "cxr_pipeline.works")
        process.terminate()
        assert process.wait(_END_SECONDS) == 0
    assert (tmp_path / "cxr_pipeline.ended").read_text() == "7"


def test_a_task_that_has_just_come_is_asked_once_it_can_hear(tmp_path: Path) -> None:
    with worker(tmp_path, "cxr_pipeline", loads=2) as process:
        wait_for(tmp_path / "cxr_pipeline.begun")
        process.terminate()
        assert process.wait(_END_SECONDS) == 0
    assert (tmp_path / "cxr_pipeline.ended").read_text() == "7", "not -15, a failed try"


def test_a_task_of_another_project_is_left_to_finish(tmp_path: Path) -> None:
    with worker(tmp_path, "another", works=4) as process:
        wait_for(tmp_path / "another.works")
        process.terminate()
        assert process.wait(_END_SECONDS) == 0
    assert (tmp_path / "another.ended").read_text() == "0"


@pytest.mark.slow
def test_without_it_a_worker_goes_on(tmp_path: Path) -> None:
    with worker(tmp_path, "cxr_pipeline", hook=False) as process:
        wait_for(tmp_path / "cxr_pipeline.works")
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)


def test_no_component_of_airflow_takes_it_for_a_plugin(tmp_path: Path) -> None:
    """Celery is imported by workers and the scheduler only."""
    environ = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    code = (
        "import sys; from airflow import plugins_manager as p; p.ensure_plugins_loaded();"
        "print(sorted(sys.modules.keys() & {'celery', 'cxr_reports', 'cxr_worker'}))"
    )
    done = run_python(["-c", code], environ, expected=0)
    assert done.stdout.splitlines()[-1] == "['cxr_reports']"
