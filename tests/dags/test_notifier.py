"""The notifier against a real server."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.dags.airflow_cli import dags_test

HOOK = "hook-T0000-B0000"
"""What chat services put into an address is all that they ask for."""


class _Mailbox(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.received: list[dict[str, Any]] = []


class _Keep(BaseHTTPRequestHandler):
    server: _Mailbox

    def do_POST(self) -> None:
        """Take the word and refuse it: what is logged about that must not hold the address."""
        length = int(self.headers["Content-Length"])
        self.server.received.append(json.loads(self.rfile.read(length)))
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet."""


@pytest.fixture
def mailbox() -> Iterator[_Mailbox]:
    server = _Mailbox()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.mark.slow
def test_a_failed_run_is_told_and_an_unreachable_address_costs_nothing(
    airflow_environ: dict[str, str], mailbox: _Mailbox
) -> None:
    address = f"http://127.0.0.1:{mailbox.server_port}/{HOOK}"
    environ = airflow_environ | {"CXR_NOTIFY_URL": address}
    done = dags_test("cxr_watch", {}, environ, expected=1)
    assert HOOK not in done.stdout + done.stderr
    assert "answered 403" in done.stdout + done.stderr
    assert [told["state"] for told in mailbox.received] == ["failure"]
    assert mailbox.received[0]["text"].startswith("cxr_watch, run ")
    mailbox.server_close()
    done = dags_test("cxr_watch", {}, environ, expected=1)
    assert "never change" in done.stdout + done.stderr
    assert HOOK not in done.stdout + done.stderr
