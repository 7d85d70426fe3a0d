"""The same, sent to MLflow itself, which lives in an environment of its own.

MLflow's packages conflict with the lock. Where its executable is named it is used:

    python3 -m venv /tmp/mlflow && /tmp/mlflow/bin/pip install mlflow     # 850 MB, 4 minutes
    CXR_TEST_MLFLOW=/tmp/mlflow/bin/mlflow python -m pytest -m slow tests/tracking
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cxr_tasks.tracking.sending import send_run
from cxr_tasks.tracking.server import URI, Server, read_server
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

NAMED = "CXR_TEST_MLFLOW"
_START_SECONDS = 180.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    executable = os.environ.get(NAMED)
    if not executable:
        pytest.skip(f"{NAMED} names no executable of MLflow; {__name__} says how to get one")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [executable, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--serve-artifacts"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", server, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends and server.poll() is None:
        try:
            if httpx.get(f"{address}/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace")[-4000:])


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run, config = draw_run(tmp_path, Drawing(n_images=48, n_epochs=450))
    finish_report(run, config)
    return run


def ask(address: str, call: str, **content: Any) -> Any:
    answer = httpx.post(f"{address}/api/2.0/mlflow/{call}", json=content).raise_for_status()
    return answer.json()


def curve(address: str, run_id: str, key: str) -> list[tuple[int, float]]:
    query = {"run_id": run_id, "metric_key": key, "max_results": "1000"}
    answer = httpx.get(f"{address}/api/2.0/mlflow/metrics/get-history", params=query)
    return [(each["step"], each["value"]) for each in answer.json()["metrics"]]


def test_mlflow_takes_a_run_whole_and_once(address: str, run: RunPaths) -> None:
    server = Server(address, experiment=f"cxr-{run.home.root.name}", with_models=True)
    told = [send_run(run, server, ended=True, note=print) for _ in range(2)]
    assert told[0] == told[1]
    name = {"experiment_name": server.experiment}
    found = httpx.get(f"{address}/api/2.0/mlflow/experiments/get-by-name", params=name).json()
    number = found["experiment"]["experiment_id"]
    runs = ask(address, "runs/search", experiment_ids=[number])["runs"]
    assert {each["info"]["run_name"] for each in runs} == {run.key, *VARIANTS}
    assert len(runs) == 1 + len(VARIANTS)
    assert {each["info"]["status"] for each in runs} == {"FINISHED"}
    ids = {each["info"]["run_name"]: each["info"]["run_id"] for each in runs}
    assert len(curve(address, ids["vanilla_cnn"], "epoch/val_loss")) == 450
    assert len(curve(address, ids[run.key], "accuracy")) == 1
    page = f"{address}/get-artifact?run_uuid={ids[run.key]}&path=index.html"
    assert httpx.get(page).content == (run.report / "index.html").read_bytes()
    model = f"{address}/get-artifact?run_uuid={ids['vanilla_cnn']}&path=model/model.keras"
    assert httpx.get(model).content == (run.train("vanilla_cnn") / "model.keras").read_bytes()


def test_the_address_alone_is_enough(address: str, run: RunPaths) -> None:
    server = read_server({URI: address})
    assert server
    assert "experiment 'cxr_pipeline'" in send_run(run, server, ended=True, note=print)
