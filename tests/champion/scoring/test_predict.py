import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cxr_tasks.champion.scoring.request import request_environment
from tests.champion.scoring.conftest import Served
from tests.champion.scoring.test_batch import phantoms, read_scores
from tests.image_files import make_files

ROOT = Path(__file__).parents[3]


def predict(
    served: Served, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cxr_tasks", "predict", "--home", str(served.home.root)]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
    )


def test_folder_is_scored_by_a_process_of_its_own(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path, phantoms(6) | {"bad.png": b"no image"})
    done = predict(served, str(folder), "--name", "by-command")
    assert done.returncode == 0, done.stderr
    table = read_scores(served.home.scores("by-command"))
    assert list(table["status"]).count("scored") == 6
    assert "refused   1   not an image" in done.stdout
    assert str(served.home.scores("by-command") / "index.html") in done.stdout


@pytest.mark.slow
def test_request_of_a_dag_comes_through_the_environment(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path / "a $(touch x) `b`", phantoms(2))
    environ = request_environment(
        {"data": str(folder), "version": served.version, "name": "by-environment"}
    )
    done = predict(served, environ=environ)
    assert done.returncode == 0, done.stderr
    assert len(read_scores(served.home.scores("by-environment"))) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "No images are named"),
        pytest.param(("/no/such",), "No file or folder: '/no/such'", marks=pytest.mark.slow),
        pytest.param(
            ("/", "--version", "0009-x"),
            "There is no champion version '0009-x'",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_cannot_be_done_exits_2_with_a_message(
    served: Served, arguments: tuple[str, ...], message: str
) -> None:
    done = predict(served, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_nothing_usable_exits_2(served: Served, tmp_path: Path) -> None:
    done = predict(served, str(make_files(tmp_path, {"a.png": b"no image"})))
    assert done.returncode == 2
    assert "None of 1 files could be scored" in done.stderr


def test_request_that_is_no_json_is_refused(served: Served) -> None:
    done = predict(served, environ={"CXR_SCORE_REQUEST": "[1]"})
    assert done.returncode == 2
    assert "is no request" in done.stderr
