"""A small server that answers Kaggle's real client as Kaggle does: an API, and a file store."""

import contextlib
import json
import re
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

PORT = 80
"""Fixed in the client for `KAGGLE_API_ENVIRONMENT=LOCALHOST`."""

SIGNATURE = "signed-query-of-the-store-4711"


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class StandIn:
    """What the server has and how it behaves; change it between calls."""

    content: bytes
    etag: str | None = '"version-1"'
    last_modified: str | None = "Mon, 06 Jan 2025 10:00:00 GMT"
    status: int = 200
    """Of every answer of the API."""
    message: str = ""
    """Sent with another status than 200, as JSON, where Kaggle does that."""
    store_status: int = 200
    """Of every answer of the file store."""
    cut_after: deque[int] = field(default_factory=deque)
    """For each coming request of the file: the bytes after which the connection is cut."""
    hang_after: int | None = None
    """Bytes of the file after which nothing comes any more."""
    requests: list[Request] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def of_file(self) -> list[Request]:
        """Return the requests of the file itself."""
        return [request for request in self.requests if request.method == "GET"]

    def downloads(self) -> list[dict[str, Any]]:
        """Return what the client asked for in its requests of a download."""
        asked = [item for item in self.requests if item.path.endswith("/DownloadDataset")]
        return [json.loads(request.body) for request in asked]

    def ranges(self) -> list[str]:
        """Return the `Range` headers that came."""
        return [item.headers["Range"] for item in self.of_file() if "Range" in item.headers]


@contextlib.contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Answer the client during the block, one test of the machine at a time: the port is fixed."""
    with FileLock(Path(tempfile.gettempdir()) / "kaggle-stand-in.lock"):
        try:
            server = Server(stand_in)
        except OSError as err:
            pytest.skip(f"the client's fixed port {PORT} cannot be bound here: {err}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stand_in
        finally:
            stand_in.closed.set()
            server.shutdown()
            server.server_close()
            thread.join()


class Server(ThreadingHTTPServer):
    """Binds the address again at once, which HTTPServer allows by `SO_REUSEADDR`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", PORT), Handler)
        self.stand_in = stand_in


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_POST(self) -> None:
        self._note(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        stand_in = self.server.stand_in
        if stand_in.status != 200:
            self._refuse()
        elif self.path.endswith("/GetDatasetMetadata"):
            self._send_json(200, {"info": {"licenses": [{"name": "CC0-1.0"}]}})
        elif self.path.endswith("/IntrospectToken"):
            self._send_json(200, {"active": True, "username": "someone"})
        else:
            self.send_response(302)
            self.send_header("Location", f"http://localhost/store/a.zip?X-Signature={SIGNATURE}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_GET(self) -> None:
        self._note()
        stand_in = self.server.stand_in
        if stand_in.store_status != 200:
            self._send_empty(stand_in.store_status)
            return
        content, start = stand_in.content, self._start()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        if stand_in.etag:
            self.send_header("ETag", stand_in.etag)
        if stand_in.last_modified:
            self.send_header("Last-Modified", stand_in.last_modified)
        self.end_headers()
        # The client hangs up after the headers where it has the file already.
        with contextlib.suppress(ConnectionError):
            self._send_body(content[start:])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        pass

    def _send_body(self, body: bytes) -> None:
        stand_in = self.server.stand_in
        if stand_in.cut_after:
            self.wfile.write(body[: stand_in.cut_after.popleft()])
            self.connection.shutdown(socket.SHUT_RDWR)
        elif stand_in.hang_after is not None:
            self.wfile.write(body[: stand_in.hang_after])
            stand_in.closed.wait()
        else:
            self.wfile.write(body)

    def _start(self) -> int:
        """Return the first byte asked for, if that is still of the same file."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked or self.headers.get("If-Range") != self.server.stand_in.etag:
            return 0
        return int(asked.group(1))

    def _refuse(self) -> None:
        stand_in = self.server.stand_in
        if stand_in.message:
            answer = {"code": stand_in.status, "message": stand_in.message}
            self._send_json(stand_in.status, answer)
        else:
            self._send_empty(stand_in.status)

    def _send_empty(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_json(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _note(self, body: bytes = b"") -> None:
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        self.server.stand_in.requests.append(request)
