"""Secrets of the environment reach no log, artifact or error of ingestion, which uses them."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_tasks.errors import CxrError
from cxr_tasks.flow.process import StageError, run_stage
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.weights import URL_SETTING, prepare_weights
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.image_files import class_files
from tests.kaggle_stand_in import SIGNATURE, StandIn, serving

KEY, TOKEN = "k3y-0123456789abcdef", "t0ken-fedcba9876543210"
PASSWORD, HOOK = "passw0rd-of-a-mirror", "hook-T0000/B0000/XXXX"
SECRETS = (KEY, TOKEN, PASSWORD, HOOK, SIGNATURE)
KAGGLE = {"source": "kaggle", "kaggle_dataset": "someone/some-set", "split": "paper"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Somebody's environment, with a secret in everything that may hold one."""
    (tmp_path / "home").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": "/usr/bin:/bin",
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "KAGGLE_USERNAME": "someone",
        "KAGGLE_KEY": KEY,
        "KAGGLE_API_TOKEN": TOKEN,
        "CXR_NOTIFY_URL": f"https://chat.example/{HOOK}",
        URL_SETTING: f"http://someone:{PASSWORD}@127.0.0.1:9/w.h5?token={TOKEN}",
    }


@pytest.fixture
def kaggle() -> Iterator[StandIn]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, image in class_files(n_covid=6, n_normal=6).items():
            archive.writestr(name, image)
    with serving(StandIn(content.getvalue())) as stand_in:
        yield stand_in


def check_nothing_is_told(home: Home, told: list[str]) -> None:
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert len(files) > 2
    for secret in SECRETS:
        assert not [line for line in told if secret in line]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
        assert not [path for path in home.root.rglob("*") if secret in path.name]


def started(home: Home, **settings: object) -> RunPaths:
    return start_run(make_config(settings), home, "secret")


def test_ingest_with_credentials_and_a_failing_download(
    kaggle: StandIn, tmp_path: Path, environ: dict[str, str]
) -> None:
    home, told = Home(tmp_path / "volume"), []  # type: tuple[Home, list[str]]
    run = started(home, profile="quickstart", **KAGGLE)
    run_stage("ingest", run, environ=environ, on_line=told.append)
    sent = {request.headers.get("Authorization", "") for request in kaggle.requests}
    assert any(TOKEN in header for header in sent)  # the client was given them
    assert any("no ImageNet weights" in line for line in told)
    assert (run.ingest / "ingest.json").exists()
    check_nothing_is_told(home, told)


def test_ingest_with_credentials_that_the_server_refuses_and_repeats(
    kaggle: StandIn, tmp_path: Path, environ: dict[str, str]
) -> None:
    kaggle.status, kaggle.message = 403, f"the token {TOKEN} of {KEY} may not read this"
    home, told = Home(tmp_path / "volume"), []  # type: tuple[Home, list[str]]
    run = started(home, profile="quickstart", **KAGGLE)
    with pytest.raises(StageError, match="could not download") as caught:
        run_stage("ingest", run, environ=environ, on_line=told.append)
    failure = read_json(run.error("ingest"))
    assert failure["exit_code"] == 2
    assert failure["last_lines"]
    check_nothing_is_told(home, [*told, str(caught.value)])


ADDRESSES = (
    f"http://someone:{PASSWORD}@127.0.0.1:9/w.h5",
    f"http://127.0.0.1:9/w.h5?token={TOKEN}",
    f"http://{PASSWORD}@127.0.0.1:9/w.h5",
)
ADDRESSES_THAT_ARE_NONE = (
    f"http://someone:{PASSWORD}@127.0.0.1/w.h5",
    f"mirror/w.h5?token={TOKEN}",
    f"http://127.0.0.1:9/w h5?token={TOKEN}",
    f"nowhere://someone:{PASSWORD}@mirror/w.h5",
    f"http://[{PASSWORD}/w.h5",
    f"file:///nowhere/{TOKEN}",
)


@pytest.mark.parametrize("address", [*ADDRESSES, *ADDRESSES_THAT_ARE_NONE])
def test_address_of_the_weights_is_not_told(tmp_path: Path, address: str) -> None:
    config = make_config({"profile": "paper", "source": "phantom"})
    with pytest.raises(CxrError) as caught:
        prepare_weights(
            config, Home(tmp_path), environ={URL_SETTING: address}, report=lambda _line: None
        )
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert "could not be fetched" in str(caught.value)


def test_failing_download_is_written_down_without_the_address(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    home, told = Home(tmp_path / "volume"), []  # type: tuple[Home, list[str]]
    run = started(home, profile="paper", source="phantom", phantom_images=24)
    with pytest.raises(StageError, match="could not be fetched"):
        run_stage("ingest", run, environ=environ, on_line=told.append)
    assert "could not be fetched" in read_json(run.error("ingest"))["message"]
    check_nothing_is_told(home, told)


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(3):
        (tmp_path / f"{k}.txt").write_text("x" + (KEY if k == 2 else ""))
    with pytest.raises(AssertionError):
        check_nothing_is_told(home, [])
    (tmp_path / "2.txt").write_text("x")
    check_nothing_is_told(home, ["fine"])
    with pytest.raises(AssertionError):
        check_nothing_is_told(home, [f"Bearer {TOKEN}"])
