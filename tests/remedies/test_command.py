"""The command `remedy` on a finished run of a few phantoms: done again, and compared with it."""

from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.remedies.remedies_record import RemediesRecord
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import require_record

SMALL = ["--phantom-images", "40", "--epochs", "2", "--threads", "2"]


@pytest.mark.slow
def test_run_is_done_again_once_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    arguments = ["run", "--run", "first", "--variants", "mobilenetv2_frozen", *SMALL]
    assert main([*arguments, "--no-promote"]) == 0
    command = ["remedy", "--run", "first", "--only", "lungs"]
    capsys.readouterr()
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "Remedy lungs: run first-lungs" in told
    assert str(tmp_path) in told.splitlines()[-1]

    home = Home(tmp_path)
    again = require_record(home.run("first-lungs").report, ReportRecord)
    assert again.data.remedy
    assert again.data.first_run == "first"
    change = require_record(home.run("first").remedies, RemediesRecord).remedies["lungs"].change
    assert change is not None
    assert change.variants["mobilenetv2_frozen"].n_images == 14
    assert (home.run("first").remedies / "index.html").is_file()

    finished = (home.run("first-lungs").report / "report.json").stat()
    assert main(command) == 0
    assert "finished before" in capsys.readouterr().out
    assert (home.run("first-lungs").report / "report.json").stat() == finished
