"""Kaggle's real client against a stand-in for its server."""

import base64
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_tasks.data.sources.kaggle import download_dataset
from cxr_tasks.data.sources.kaggle_client import STALL_SETTING
from cxr_tasks.data.sources.kaggle_secrets import credentials_environment
from cxr_tasks.errors import ConfigError, SourceError
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.volume.files import sha256_of
from tests.kaggle_stand_in import SIGNATURE, StandIn, serving

HANDLE = "someone/covid-19-vs-normal-chest-x-rays"
NEWER = "Tue, 07 Jan 2025 10:00:00 GMT"
CHUNK = 1 << 20  # what the client reads, and writes, at once


def make_zip(seed: int) -> bytes:
    """Make a zip of somewhat more than three of the client's chunks."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(4):
            content = random.Random(f"{seed} {number}").randbytes(800_000)  # noqa: S311 - no secret
            archive.writestr(f"COVID/COVID/{number}.png", content)
    return stream.getvalue()


@pytest.fixture(scope="module")
def contents() -> tuple[bytes, bytes]:
    return make_zip(1), make_zip(2)


@pytest.fixture
def kaggle(contents: tuple[bytes, bytes]) -> Iterator[StandIn]:
    with serving(StandIn(contents[0])) as stand_in:
        yield stand_in


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Nobody's environment: no credentials, no proxy, an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        STALL_SETTING: "30",
    }


Fetch = Callable[..., Path]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def fetch(tmp_path: Path, environ: dict[str, str], told: list[str]) -> Fetch:
    def fetch(**more: str) -> Path:
        told.clear()
        folder = tmp_path / "cache"
        return download_dataset(HANDLE, folder=folder, environ=environ | more, report=told.append)

    return fetch


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def start_process(folder: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from cxr_tasks.data.sources.kaggle import download_dataset\n"
        f"download_dataset({HANDLE!r}, folder=Path(sys.argv[1]), environ=os.environ)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_ended(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"  # nobody's to reap
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_public_data_come_without_an_account(kaggle: StandIn, fetch: Fetch, tmp_path: Path) -> None:
    path = fetch()
    assert path.read_bytes() == kaggle.content
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["version"] == '"version-1"'
    assert record["last_modified"] == kaggle.last_modified
    assert (record["size_bytes"], record["n_files"]) == (len(kaggle.content), 4)
    assert record["sha256"] == sha256_of(path)
    assert not any("Authorization" in request.headers for request in kaggle.requests)
    names = {
        str(path.relative_to(tmp_path / "cache")) for path in (path, path.with_suffix(".json"))
    }
    assert {name for name in left_in(tmp_path / "cache") if not name.endswith(".lock")} == names
    assert list((tmp_path / "home").iterdir()) == []


def test_same_version_is_not_downloaded_again(
    kaggle: StandIn, fetch: Fetch, told: list[str], contents: tuple[bytes, bytes]
) -> None:
    first = fetch()
    inode = first.stat().st_ino
    kaggle.content = bytes(len(kaggle.content))  # would be seen if the body were used
    again = fetch()
    assert again == first
    assert (again.read_bytes(), again.stat().st_ino) == (contents[0], inode)
    assert any("nothing to download" in line for line in told)
    assert len(kaggle.of_file()) == 2  # the client reads the headers of the second


def test_new_version_replaces_the_old(
    kaggle: StandIn, fetch: Fetch, contents: tuple[bytes, bytes]
) -> None:
    fetch()
    kaggle.content, kaggle.etag, kaggle.last_modified = contents[1], '"version-2"', NEWER
    path = fetch()
    assert path.read_bytes() == contents[1]
    assert json.loads(path.with_suffix(".json").read_text())["version"] == '"version-2"'


def test_changed_file_is_fetched_again(kaggle: StandIn, fetch: Fetch, told: list[str]) -> None:
    path = fetch()
    path.write_bytes(bytes(len(kaggle.content)))
    assert fetch().read_bytes() == kaggle.content
    assert "not what its record says" in told[0]


def test_cut_connection_is_taken_up_where_it_was(
    kaggle: StandIn, fetch: Fetch, told: list[str]
) -> None:
    kaggle.cut_after = deque([2 * CHUNK + 1000])
    assert fetch().read_bytes() == kaggle.content
    assert kaggle.ranges() == [f"bytes={2 * CHUNK}-"]
    assert any(line.startswith("Retry 1/5: Resuming") for line in told)


def test_next_call_continues_what_an_ended_one_left(
    kaggle: StandIn, fetch: Fetch, tmp_path: Path
) -> None:
    kaggle.hang_after = 2 * CHUNK + 1000
    with pytest.raises(SourceError, match="stood still"):
        fetch(**{STALL_SETTING: "2"})
    assert not (tmp_path / "cache" / HANDLE.replace("/", ".")).exists()
    kaggle.hang_after = None
    assert fetch().read_bytes() == kaggle.content
    assert kaggle.ranges() == [f"bytes={2 * CHUNK}-"]


def test_piece_of_another_version_is_not_continued(
    kaggle: StandIn, fetch: Fetch, contents: tuple[bytes, bytes]
) -> None:
    kaggle.hang_after = 2 * CHUNK + 1000
    with pytest.raises(SourceError, match="stood still"):
        fetch(**{STALL_SETTING: "2"})
    kaggle.hang_after = None
    kaggle.content, kaggle.etag, kaggle.last_modified = contents[1], '"version-2"', NEWER
    assert fetch().read_bytes() == contents[1]


@pytest.mark.parametrize(
    ("status", "message", "problem", "remedy"),
    [
        (404, "", "has no data set", "Correct kaggle_dataset"),
        (404, "Dataset not found", "has no data set", "Correct kaggle_dataset"),
        (401, "", "does not accept the credentials", "KAGGLE_API_TOKEN"),
        (403, "", "does not allow", "accept the rules"),
        (403, "Permission 'datasets.get' was denied", "does not allow", "kaggle_default"),
    ],
)
def test_refusals_are_told_apart(
    status: int,
    message: str,
    problem: str,
    remedy: str,
    kaggle: StandIn,
    fetch: Fetch,
    tmp_path: Path,
) -> None:
    kaggle.status, kaggle.message = status, message
    with pytest.raises(SourceError) as caught:
        fetch()
    assert problem in caught.value.problem
    assert HANDLE in caught.value.problem
    assert remedy in caught.value.remedy
    assert all(name.endswith(".lock") for name in left_in(tmp_path / "cache"))


@pytest.mark.parametrize("content", [b"<html>no zip</html>" * 1000, "flipped"])
def test_damaged_zip_is_refused_and_removed(
    content: bytes | str, kaggle: StandIn, fetch: Fetch, tmp_path: Path
) -> None:
    if isinstance(content, str):
        whole = bytearray(kaggle.content)
        whole[1_000_000] ^= 1
        content = bytes(whole)
    kaggle.content = content
    with pytest.raises(SourceError, match="no sound zip file"):
        fetch()
    assert all(name.endswith(".lock") for name in left_in(tmp_path / "cache"))


def test_full_disk_is_said_at_once(kaggle: StandIn, fetch: Fetch, told: list[str]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * CHUNK, hard))
    try:
        with pytest.raises(SourceError, match="no room left"):
            fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not any("Retry" in line for line in told)
    assert fetch().read_bytes() == kaggle.content


@pytest.mark.slow
def test_checked_download_serves_while_kaggle_fails(
    kaggle: StandIn, fetch: Fetch, told: list[str], contents: tuple[bytes, bytes]
) -> None:
    fetch()
    kaggle.status = 503
    assert fetch().read_bytes() == contents[0]
    assert 'using the checked download of version "version-1"' in told
    assert sum("trying again" in line for line in told) == 2


@pytest.mark.slow
def test_unreachable_server_is_said(fetch: Fetch) -> None:
    # Nothing listens at this proxy, so that the server need not be stopped.
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        fetch(http_proxy="http://someone:proxy-password@127.0.0.1:9")
    assert "proxy-password" not in str(caught.value)


def test_credentials_reach_the_server(kaggle: StandIn, fetch: Fetch) -> None:
    fetch(**credentials_environment("someone", "0123456789abcdef", {}))
    expected = "Basic " + base64.b64encode(b"someone:0123456789abcdef").decode()
    api = [request for request in kaggle.requests if request.method == "POST"]
    assert {request.headers["Authorization"] for request in api} == {expected}


def test_token_reaches_the_server(kaggle: StandIn, fetch: Fetch) -> None:
    fetch(**credentials_environment(None, None, {"api_token": "token-0123456789"}))
    asked = [request for request in kaggle.requests if request.path.endswith("/DownloadDataset")]
    assert [request.headers["Authorization"] for request in asked] == ["Bearer token-0123456789"]


def test_refused_token_is_said(kaggle: StandIn, fetch: Fetch) -> None:
    kaggle.status = 401  # also of the client's first question, to which it ends with a traceback
    with pytest.raises(SourceError, match="does not accept the credentials"):
        fetch(KAGGLE_API_TOKEN="token-0123456789")  # noqa: S106 - made up


@pytest.mark.parametrize("where", ["environment", "kaggle.json", "access_token"])
def test_echoed_secret_is_hidden(
    where: str, kaggle: StandIn, fetch: Fetch, told: list[str], tmp_path: Path
) -> None:
    secret = "0123456789abcdef-planted"  # noqa: S105 - made up
    kaggle.status, kaggle.message = 400, f"no idea who {secret} is"
    login = {"KAGGLE_USERNAME": "someone", "KAGGLE_KEY": secret}
    if where != "environment":
        folder = tmp_path / "home" / ".kaggle"
        folder.mkdir()
        content = {"username": "someone", "key": secret}
        text = json.dumps(content) if where == "kaggle.json" else secret
        (folder / where).write_text(text)
        login = {}
    with pytest.raises(SourceError, match=r"no idea who \[hidden\] is") as caught:
        fetch(**login)
    assert kaggle.requests[-1].headers["Authorization"]
    assert not any(secret in text for text in [*told, str(caught.value)])


def test_signed_address_is_hidden(kaggle: StandIn, fetch: Fetch, told: list[str]) -> None:
    kaggle.store_status = 403
    with pytest.raises(SourceError, match=r"store/a\.zip\?\[hidden\]") as caught:
        fetch()
    assert not any(SIGNATURE in text for text in [*told, str(caught.value)])


def test_token_that_breaks_the_client_is_hidden(fetch: Fetch, told: list[str]) -> None:
    token = "planted" * 60  # the client takes it for a file name, which is too long
    with pytest.raises(SourceError, match="could not download") as caught:
        fetch(KAGGLE_API_TOKEN=token)
    assert "[hidden]" in str(caught.value)
    assert not any("planted" in text for text in [*told, str(caught.value)])


@pytest.mark.usefixtures("kaggle")
def test_two_processes_download_once(environ: dict[str, str], tmp_path: Path) -> None:
    started = [start_process(tmp_path / "cache", environ) for _ in "ab"]
    said = sorted(process.communicate()[0].splitlines()[-1] for process in started)
    assert [process.returncode for process in started] == [0, 0]
    assert said[0].startswith("downloaded ")
    assert "nothing to download" in said[1]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to end the client")
def test_client_ends_with_a_killed_worker_and_the_next_goes_on(
    kaggle: StandIn, fetch: Fetch, environ: dict[str, str], tmp_path: Path
) -> None:
    kaggle.hang_after = 2 * CHUNK + 1000
    worker = start_process(tmp_path / "cache", environ)
    arriving = tmp_path / "cache" / f".{HANDLE.replace('/', '.')}.partial"
    arriving /= f"{HANDLE.split('/')[1]}.zip"
    wait_until(lambda: arriving.exists() and arriving.stat().st_size == 2 * CHUNK)
    client = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().strip()
    worker.kill()
    worker.communicate()
    wait_until(lambda: has_ended(client))
    kaggle.hang_after = None
    assert fetch().read_bytes() == kaggle.content
    assert kaggle.ranges() == [f"bytes={2 * CHUNK}-"]


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "covid-19-vs-normal-chest-x-rays",
        "a/../b",
        "-p/x",
        "a/b c",
        "a/b;id",
        "a/b\nc",
        "a/b/c",
        "a/b/0",
        "a/b/versions/latest",
        "a/b/versions/5/6",
        "a/b/5x",
        "a//",
        "/",
        "\u00e9/b",
        "https://www.kaggle.com/code/owner/notebook",
        "https://www.kaggle.com/competitions/a",
        "https://example.org/datasets/a/b",
        "kaggle datasets download",
        "https://kaggle.com/",
    ],
)
def test_handle_is_checked_and_the_setting_named(handle: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_handle("kaggle_dataset", handle)
    for part in ('kaggle_dataset="OWNER/covid-19-vs-normal-chest-x-rays"', "--kaggle-dataset"):
        assert part in caught.value.remedy
    given = {"source": "kaggle", "kaggle_dataset": handle}
    with pytest.raises(ConfigError):
        make_config(given)


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("owner/a-set", "owner/a-set"),
        (" owner / a-set/ ", "owner/a-set"),
        ("datasets/owner/a-set", "owner/a-set"),
        ("https://www.kaggle.com/datasets/owner/a-set", "owner/a-set"),
        ("http://kaggle.com/datasets/owner/a-set/", "owner/a-set"),
        ("www.kaggle.com/datasets/owner/a-set/data?select=x.png", "owner/a-set"),
        ("https://www.kaggle.com/owner/a-set#top", "owner/a-set"),
        ("https://www.kaggle.com/api/v1/datasets/download/owner/a-set", "owner/a-set"),
        ("kaggle datasets download -d owner/a-set", "owner/a-set"),
        ("kaggle datasets download -p data/x owner/a-set --unzip", "owner/a-set"),
        ("owner/a-set/versions/5", "owner/a-set/5"),
        ("owner/a-set/5", "owner/a-set/5"),
        ("https://www.kaggle.com/datasets/owner/a-set/versions/5", "owner/a-set/5"),
        ("https://www.kaggle.com/datasets/owner/a-set/versions/12/data?x=y", "owner/a-set/12"),
        ("https://www.kaggle.com/datasets/owner/a-set?datasetVersionNumber=5", "owner/a-set/5"),
    ],
)
def test_address_and_version_are_read(text: str, handle: str) -> None:
    assert read_handle("kaggle_dataset", text) == handle
    make_config({"source": "kaggle", "kaggle_dataset": text})
    make_config({"external_source": "kaggle", "external_data": text})


def test_version_that_is_named_is_the_one_fetched(
    kaggle: StandIn, environ: dict[str, str], tmp_path: Path
) -> None:
    def fetch(handle: str) -> Path:
        folder = tmp_path / "cache"
        return download_dataset(handle, folder=folder, environ=environ, report=lambda _line: None)

    address = f"https://www.kaggle.com/datasets/{HANDLE}/versions/5"
    fifth = fetch(read_handle("kaggle_dataset", address))
    assert [body["datasetVersionNumber"] for body in kaggle.downloads()] == [5]
    assert fifth.read_bytes() == kaggle.content
    kaggle.content, kaggle.etag, kaggle.last_modified = make_zip(2), '"version-2"', NEWER
    current = fetch(HANDLE)
    assert "datasetVersionNumber" not in kaggle.downloads()[-1]
    assert current.read_bytes() == kaggle.content != fifth.read_bytes()
    assert fifth.parent.name == HANDLE.replace("/", ".") + ".5"


def test_connection_becomes_the_clients_environment() -> None:
    assert credentials_environment("me", "key", {}) == {
        "KAGGLE_USERNAME": "me",
        "KAGGLE_KEY": "key",
    }
    assert credentials_environment("me", "key", {"api_token": "t"}) == {"KAGGLE_API_TOKEN": "t"}
    assert credentials_environment(None, "token", {}) == {"KAGGLE_API_TOKEN": "token"}
    assert credentials_environment(None, None, {}) == {}
    with pytest.raises(SourceError, match="login and no password"):
        credentials_environment("me", "", {})
