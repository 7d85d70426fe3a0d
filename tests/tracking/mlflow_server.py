"""A server that answers as MLflow does where runs are sent to, and refuses what MLflow refuses.

`test_real_mlflow.py` sends the same to MLflow itself, so that both cannot drift apart unseen.
"""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Content = dict[str, Any]
Misbehaviour = Callable[["Handler"], None]


@dataclass
class StoredRun:
    """A run as the server keeps it: of a metric every point that was ever sent."""

    info: Content
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: dict[str, set[tuple[int, int, float]]] = field(default_factory=dict)
    """Step, timestamp and value of each, by key."""
    datasets: set[tuple[str, str]] = field(default_factory=set)

    @property
    def last(self) -> dict[str, float]:
        return {key: max(points)[2] for key, points in self.points.items()}

    def curve(self, key: str) -> list[tuple[int, float]]:
        return sorted((step, value) for step, _, value in self.points[key])


class RefusalError(Exception):
    """What MLflow answers with an error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class MlflowServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.experiments: dict[str, Content] = {}
        self.runs: dict[str, StoredRun] = {}
        self.files: dict[str, bytes] = {}
        self.authorizations: set[str] = set()
        self.calls: list[str] = []
        self.misbehave: Misbehaviour | None = None
        self.artifacts = "mlflow-artifacts:"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def named(self, name: str) -> StoredRun:
        (found,) = [each for each in self.runs.values() if each.info["run_name"] == name]
        return found

    def file(self, run: StoredRun, place: str) -> bytes:
        return self.files[f"{run.info['experiment_id']}/{run.info['run_id']}/artifacts/{place}"]


class Handler(BaseHTTPRequestHandler):
    server: MlflowServer

    def do_GET(self) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        self._answer(query)

    def do_POST(self) -> None:
        self._answer(json.loads(self._body()))

    def do_PUT(self) -> None:
        body = self._body()
        place = urlsplit(self.path).path.partition("/api/2.0/mlflow-artifacts/artifacts/")[2]
        if not self._misbehaves():
            self.server.files[unquote(place)] = body
            self.send_json(200, {})

    def send_json(self, status: int, content: object) -> None:
        self.send_body(status, json.dumps(content).encode())

    def send_body(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _misbehaves(self) -> bool:
        self.server.authorizations.add(self.headers.get("Authorization", ""))
        self.server.calls.append(urlsplit(self.path).path.partition("/api/2.0/mlflow")[2])
        if self.server.misbehave:
            self.server.misbehave(self)
        return self.server.misbehave is not None

    def _answer(self, content: Content) -> None:
        if self._misbehaves():
            return
        call = urlsplit(self.path).path.removeprefix("/api/2.0/mlflow/")
        try:
            self.send_json(200, _CALLS[call](self.server, content))
        except RefusalError as err:
            self.send_json(err.status, {"error_code": err.code, "message": str(err)})


def _experiment(server: MlflowServer, content: Content) -> Content:
    name = content["experiment_name"]
    if name not in server.experiments:
        raise RefusalError(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment {name!r}")
    return {"experiment": server.experiments[name]}


def _new_experiment(server: MlflowServer, content: Content) -> Content:
    if content["name"] in server.experiments:
        raise RefusalError(400, "RESOURCE_ALREADY_EXISTS", "It exists")
    number = str(len(server.experiments) + 1)
    server.experiments[content["name"]] = {"experiment_id": number, "lifecycle_stage": "active"}
    return {"experiment_id": number}


def _new_run(server: MlflowServer, content: Content) -> Content:
    number, experiment = f"{len(server.runs):032x}", content["experiment_id"]
    assert isinstance(content["start_time"], int)
    info = {
        "run_id": number,
        "run_name": content["run_name"],
        "experiment_id": experiment,
        "status": "RUNNING",
        "start_time": content["start_time"],
        "artifact_uri": f"{server.artifacts}/{experiment}/{number}/artifacts",
    }
    server.runs[number] = StoredRun(info, _by_key(content["tags"]))
    return {"run": _as_answer(server.runs[number])}


def _search(server: MlflowServer, content: Content) -> Content:
    wanted = re.fullmatch(r"tags\.`([\w.]+)` = '([^']*)'", content["filter"])
    assert wanted
    key, value = wanted.groups()
    return {
        "runs": [
            _as_answer(run)
            for run in server.runs.values()
            if run.tags.get(key) == value and run.info["experiment_id"] in content["experiment_ids"]
        ]
    }


def _log_batch(server: MlflowServer, content: Content) -> Content:
    metrics, params, tags = (content[kind] for kind in ("metrics", "params", "tags"))
    if len(metrics) + len(params) + len(tags) > 1000 or max(len(params), len(tags)) > 100:
        raise RefusalError(400, "INVALID_PARAMETER_VALUE", "A batch is too large")
    run = server.runs[content["run_id"]]
    for key, value in _by_key(params).items():
        if run.params.setdefault(key, value) != value:
            raise RefusalError(
                400, "INVALID_PARAMETER_VALUE", f"Changing param {key} is not allowed"
            )
    for each in metrics:
        if not re.fullmatch(r"[/\w.\- :]+", each["key"]):
            raise RefusalError(400, "INVALID_PARAMETER_VALUE", f"Invalid name {each['key']!r}")
        assert isinstance(each["timestamp"], int)
        assert isinstance(each["step"], int)
        point = (each["step"], each["timestamp"], each["value"])
        run.points.setdefault(each["key"], set()).add(point)
    run.tags |= _by_key(tags)
    return {}


def _log_inputs(server: MlflowServer, content: Content) -> Content:
    for each in content["datasets"]:
        data = each["dataset"]
        assert data["source_type"]
        assert data["source"]
        if len(data["digest"]) > 36:
            raise RefusalError(400, "INVALID_PARAMETER_VALUE", "The digest is too long")
        server.runs[content["run_id"]].datasets.add((data["name"], data["digest"]))
    return {}


def _update(server: MlflowServer, content: Content) -> Content:
    assert content["status"] in ("RUNNING", "FINISHED", "FAILED", "KILLED")
    run = server.runs[content.pop("run_id")]
    run.info |= content
    return {"run_info": run.info}


def _by_key(pairs: list[dict[str, str]]) -> dict[str, str]:
    assert all(isinstance(pair["value"], str) for pair in pairs)
    return {pair["key"]: pair["value"] for pair in pairs}


def _as_answer(run: StoredRun) -> Content:
    pairs = {
        kind: [{"key": key, "value": value} for key, value in values.items()]
        for kind, values in (("params", run.params), ("tags", run.tags))
    }
    metrics = [
        {"key": key, "step": step, "timestamp": at, "value": value}
        for key, points in run.points.items()
        for step, at, value in [max(points)]
    ]
    return {"info": run.info, "data": {**pairs, "metrics": metrics}}


_CALLS: dict[str, Callable[[MlflowServer, Content], Content]] = {
    "experiments/get-by-name": _experiment,
    "experiments/create": _new_experiment,
    "runs/create": _new_run,
    "runs/search": _search,
    "runs/log-batch": _log_batch,
    "runs/log-inputs": _log_inputs,
    "runs/update": _update,
}


@contextmanager
def serving() -> Iterator[MlflowServer]:
    """Run a server on a port of its own."""
    server = MlflowServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def answer(status: int, body: bytes, **headers: str) -> Misbehaviour:
    """Answer every call with the same."""
    return lambda handler: handler.send_body(status, body, **headers)


def dribble(handler: Handler) -> None:
    """Answer a byte at a time, without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:  # the caller has had enough
        handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


def basic(user: str, password: str) -> str:
    """Return the header's value of a name and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
