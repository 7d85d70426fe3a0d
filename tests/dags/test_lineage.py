"""The events that OpenLineage's provider posts of a run, at a receiver of our own.

The provider is an extra, and no part of the environment of the tests. It may lie in a folder:

    python -m pip install --require-hashes --only-binary=:all: --no-deps --target /tmp/lineage \\
        -r requirements-lineage.lock        # 13 MB, seconds
    CXR_TEST_LINEAGE=/tmp/lineage python -m pytest -m slow tests/dags/test_lineage.py
"""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.dags.airflow_cli import ROOT, dags_test

NAMED = "CXR_TEST_LINEAGE"
SMALL = {
    "profile": "quickstart",
    "phantom_images": 48,
    "epochs": 2,
    "weights": "random",
    "variants": ["mobilenetv2_frozen"],
    "run": "told",
}

pytestmark = pytest.mark.slow


class _Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.events: list[dict[str, Any]] = []


class _Take(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet."""


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    server = _Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def environ(airflow_environ: dict[str, str], receiver: _Receiver) -> dict[str, str]:
    folder = os.environ.get(NAMED, "")
    if not folder and find_spec("openlineage") is None:
        pytest.skip(f"no OpenLineage provider; {NAMED} may name a folder that has it")
    transport = {"type": "http", "url": f"http://127.0.0.1:{receiver.server_port}"}
    return airflow_environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), folder])),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }


def test_every_task_says_what_it_has_read_and_written(
    environ: dict[str, str], receiver: _Receiver
) -> None:
    dags_test("cxr_pipeline", SMALL, environ, expected=0)
    home = Path(environ["CXR_HOME"])
    ends = {
        event["job"]["name"].removeprefix("cxr_pipeline."): event
        for event in receiver.events
        if event["eventType"] == "COMPLETE" and "." in event["job"]["name"]
    }

    def named(task: str, side: str) -> set[str]:
        assert {each["namespace"] for each in ends[task][side]} <= {"file"}
        return {str(Path(each["name"]).relative_to(home)) for each in ends[task][side]}

    (images,) = (home / "datasets").iterdir()
    of_images, training = f"datasets/{images.name}", "runs/told/train/mobilenetv2_frozen"
    prepared = {"runs/told/ingest", "runs/told/split", of_images}
    assert named("start", "outputs") == {"runs/told/config.json"}
    assert named("ingest", "outputs") == {"runs/told/ingest", of_images}
    assert named("split", "inputs") == {"runs/told/ingest", of_images}
    assert named("train.mobilenetv2_frozen", "inputs") == prepared
    assert named("train.mobilenetv2_frozen", "outputs") == {training}
    assert named("train.vanilla_cnn", "outputs") == set()
    assert named("evaluate", "inputs") == prepared | {"runs/told/audit", training}
    assert named("report", "outputs") == {"runs/told/report"}
    assert named("gate", "inputs") == {"runs/told/audit", training, "runs/told/report"}
    assert named("promote", "outputs") == {"runs/told/promote"}
    (facets,) = [
        each["facets"] for each in ends["ingest"]["outputs"] if each["name"] == str(images)
    ]
    assert facets["version"]["datasetVersion"] == images.name
    assert "Synthetic" in facets["documentation"]["description"]
    assert "label" in [field["name"] for field in facets["schema"]["fields"]]
