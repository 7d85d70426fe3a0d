"""The same on a server of S3, which lives in an environment of its own.

Neither the server nor s3fs is in the lock. Where a server is named it is used:

    python3 -m venv /tmp/moto && /tmp/moto/bin/pip install "moto[server]"
    /tmp/moto/bin/moto_server -p 5123 &
    pip install s3fs=={the version of fsspec}   # into an environment with all the lock names
    CXR_TEST_S3=http://127.0.0.1:5123 python -m pytest -m slow tests/publishing
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cxr_tasks.errors import PublishError
from cxr_tasks.publishing.destination import URL, read_destination
from cxr_tasks.publishing.fetching import fetch_champion
from cxr_tasks.publishing.sending import publish_champion, publish_report
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home
from tests.publishing.dying import ROOT, publish_and_die
from tests.publishing.test_sending import REPORT_WRITES

NAMED = "CXR_TEST_S3"
SECRET = "s3cret-of-a-test"  # noqa: S105 - looked for where it must not be

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.environ.get(NAMED):
        pytest.skip(f"{NAMED} names no server of S3; {__name__} says how to get one")
    if not find_spec("s3fs"):
        pytest.skip(f"s3fs is not installed; {__name__} says how to get it")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ[NAMED])


@pytest.fixture
def files() -> Any:
    import fsspec

    return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)


@pytest.fixture
def address(tmp_path: Path, files: Any) -> str:
    """A bucket of the test's own, and a prefix in it."""
    bucket = f"cxr-{time.time_ns()}"
    files.mkdir(bucket)
    return f"s3://{bucket}/some/{tmp_path.name}"


def store_at(address: str, *, wait_seconds: float = 30) -> Store:
    destination = read_destination({URL: address})
    assert destination
    return Store(destination, wait_seconds=wait_seconds)


def objects(files: Any, address: str) -> dict[str, tuple[str, Any]]:
    """Return every object below an address, with what changes when it is written again."""
    found = files.find(address, detail=True)
    return {name: (each["ETag"], each["LastModified"]) for name, each in found.items()}


def test_a_run_goes_to_s3_and_its_champion_comes_back(
    home: Home, address: str, files: Any, tmp_path: Path
) -> None:
    store = store_at(address)
    publish_report(home.run("first"), store)
    publish_champion(home, store)
    before = objects(files, address)
    assert len(before) == REPORT_WRITES + 4
    time.sleep(1.1)  # S3 tells whole seconds
    assert "there already" in publish_report(home.run("first"), store_at(address))
    assert "there already" in publish_champion(home, store_at(address))
    assert objects(files, address) == before
    assert fetch_champion(store, tmp_path / "back") == "0001-first"
    own = home.champion / "0001-first" / "model.keras"
    assert (tmp_path / "back" / "model.keras").read_bytes() == own.read_bytes()


@pytest.mark.parametrize("n_writes", [1, REPORT_WRITES - 1, REPORT_WRITES + 2])
def test_a_killed_publisher_is_completed_by_the_next(
    home: Home, address: str, files: Any, n_writes: int
) -> None:
    publish_and_die(home.run("first"), address, n_writes=n_writes)
    before = objects(files, address)
    assert len(before) == n_writes
    time.sleep(1.1)
    store = store_at(address)
    publish_report(home.run("first"), store)
    publish_champion(home, store)
    after = objects(files, address)
    assert after.items() >= before.items()
    assert len(after) == REPORT_WRITES + 4


def test_publishers_at_once_make_one_copy(home: Home, address: str, files: Any) -> None:
    """Also of two volumes, which know nothing of each other's locks."""
    twin = Home(home.root.with_name("twin"))
    shutil.copytree(home.root, twin.root)
    command = [sys.executable, "-m", "cxr_tasks", "publish", "--run", "first"]
    each = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, "CXR_HOME": str(root), URL: address})
        for root in (home.root, twin.root)
    ]
    assert [publisher.wait() for publisher in each] == [0, 0]
    assert len(objects(files, address)) == REPORT_WRITES + 4
    assert "there already" in publish_report(home.run("first"), store_at(address))


def test_what_is_exchanged_in_the_bucket_is_not_taken(
    home: Home, address: str, files: Any, tmp_path: Path
) -> None:
    publish_champion(home, store_at(address))
    (model,) = (name for name in files.find(address) if name.endswith("model.keras"))
    files.pipe_file(model, b"evil")
    with pytest.raises(PublishError, match="another size or digest"):
        fetch_champion(store_at(address), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_bucket_that_is_not_there_says_so(home: Home) -> None:
    with pytest.raises(PublishError, match="bucket does not exist"):
        publish_champion(home, store_at("s3://cxr-not-there"))


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that lets nobody in."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_HEAD = do_GET  # noqa: N815 - as the server wants them called

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("refusing")
def test_a_server_that_lets_nobody_in_is_told_at_once(home: Home) -> None:
    began = time.monotonic()
    with pytest.raises(PublishError, match="does not let this user read or write") as caught:
        publish_champion(home, store_at("s3://bucket"))
    assert time.monotonic() - began < 10
    assert SECRET not in str(caught.value)


def test_a_server_that_hangs_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        began = time.monotonic()
        with pytest.raises(PublishError, match="has not answered in 2 s"):
            publish_champion(home, store_at("s3://bucket", wait_seconds=2))
        assert time.monotonic() - began < 10


def test_a_server_that_is_down_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PublishError, match=r"not (reached|answered)"):
        publish_champion(home, store_at("s3://bucket", wait_seconds=5))
