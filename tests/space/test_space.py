"""What `space` tells, and that telling changes nothing."""

import os
from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.volume.locks import volume_in_use
from cxr_tasks.volume.paths import Home
from tests.space.volume import names, put_activations, put_download


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
    }


def told(home: Home, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["space", "--home", str(home.root), *arguments], {}) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--free", "--dry-run")])
def test_telling_changes_nothing(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    put_activations(home, "see", dataset="no data set any more")
    (home.datasets / ".77.replaced").mkdir()
    before = state_of(home.root)
    shown = told(home, capsys, *arguments, "--keep-runs", "1")
    assert state_of(home.root) == before
    assert "would free" in shown


def test_every_kind_is_told_with_its_number_and_size(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    put_activations(home, "see", dataset="of-new")
    put_download(home, "owner/slug")
    shown = {line[:38].strip(): line[38:].split() for line in told(home, capsys).splitlines()}
    assert shown["runs"][0] == shown["data sets"][0] == "3"
    assert shown["champion versions"][0] == "1"
    assert shown["cache: activations of frozen layers"][0] == "1"
    assert shown["cache: Kaggle downloads"] == ["1", "2.0", "kB"]


def test_the_sum_is_what_lies_there(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    there = sum(path.stat().st_size for path in home.root.rglob("*") if path.is_file())
    os.link(home.datasets / "of-new" / "images.npy", home.datasets / "of-old" / "again")
    first = told(home, capsys).splitlines()[0]
    assert first.startswith(f"{home.root}: {there / 1000:.1f} kB; ")


def test_a_dry_run_lists_what_goes_and_says_when_it_could_not_go_now(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--dry-run", "--keep-runs", "1")
    free_now = told(home, capsys, *arguments)
    with volume_in_use(home):
        in_use = told(home, capsys, *arguments)
    listed = {
        line.split()[0] for line in in_use.splitlines() if line.startswith("  ") and "/" in line
    }
    assert listed == {"runs/middle", "datasets/of-middle"}
    assert "somebody works on the volume" in in_use
    assert "somebody works on the volume" not in free_now


def test_the_largest_runs_are_told_with_what_keeps_them(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = told(home, capsys, "--keep-runs", "1")
    lines = {line.split()[0]: line for line in shown.splitlines() if " d ago)" in line}
    assert lines["middle"].endswith("goes")
    assert lines["old"].endswith("champion version 0001-old was made from it")
    assert lines["new"].endswith("the newest finished run")


def test_a_rule_that_is_none_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "--home", str(home.root), "--free", "--keep-runs", "0"], {}) == 2
    assert "The command line is {'keep_runs': 0}" in capsys.readouterr().err


def test_a_home_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["space", "--home", str(tmp_path / "none")], {}) == 2
    assert "There is no shared volume" in capsys.readouterr().err
    assert names(tmp_path) == set()
