"""The command `publish`, and that a mistake in the store's address is told before a run begins."""

from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.publishing.destination import URL
from tests.champion.drawn_champion import draw_champion


def test_a_champion_goes_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = draw_champion(tmp_path / "home")
    store = tmp_path / "store"
    store.mkdir()
    environ = {URL: f"file://{store}", "CXR_HOME": str(home.root)}
    assert main(["publish"], environ) == 0
    assert "publish: the champion is copied to file://" in capsys.readouterr().out
    assert not (store / "runs").exists()
    assert main(["publish"], environ | {"CXR_RUN": "first"}) == 0
    told = capsys.readouterr().out
    assert "publish: the report is copied to file://" in told
    assert "publish: the champion is there already: file://" in told
    assert main(["publish", "--fetch", str(tmp_path / "back")], environ) == 0
    assert "publish: 0001-first is in " in capsys.readouterr().out
    assert (tmp_path / "back" / "model.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "address", "problem"),
    [
        ([], "", f"{URL} is not set"),
        ([], "s3://me:secret@bucket", f"{URL} is no address"),
        ([], "file:///not/there", "does not exist"),
        (["--run", "x"], "file:///mnt", "There is no run 'x'"),
        (["--run", "../x"], "file:///mnt", "cannot be used"),
        (["--run", "x", "--fetch", "y"], "file:///mnt", "--run 'x' with --fetch"),
    ],
)
def test_what_cannot_be_copied_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    address: str,
    problem: str,
) -> None:
    assert main(["publish", *arguments], {URL: address, "CXR_HOME": str(tmp_path)}) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert "secret" not in told


def test_a_mistaken_address_is_told_before_a_run_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"CXR_HOME": str(tmp_path / "home"), URL: "s3://me:secret@bucket"}
    assert main(["run", "--run", "first"], environ) == 2
    told = capsys.readouterr().err
    assert f"{URL} is no address" in told
    assert "secret" not in told
    assert not (tmp_path / "home").exists()
