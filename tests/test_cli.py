import os
from pathlib import Path

import pytest

from cxr_tasks.cli import main, make_parser
from cxr_tasks.files import read_json
from cxr_tasks.settings import SETTINGS
from cxr_tasks.training.train import FAIL_VARIANT


def test_every_setting_has_a_flag_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["run", "--help"])
    shown = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in shown for name in SETTINGS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--epochs", "0"], "epochs=0 is not possible"),
        (["run", "--epochs", "many"], "epochs='many' is not possible"),
        (["run", "--variants", "resnet"], "variants=['resnet'] is not possible"),
        (["run", "--run", "../up"], "The run name '../up' cannot be used"),
        (["run", "--source", "zip", "--data", "no.zip"], "no.zip' does not exist"),
        (["split"], "No run is named"),
        (["split", "--run", "none"], "There is no run 'none'"),
    ],
)
def test_wrong_input_is_told_in_three_lines_and_ends_with_2(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--home", str(tmp_path)], environ={}) == 2
    message = capsys.readouterr().err
    assert told in message
    assert len(message.strip().splitlines()) == 3
    assert not (tmp_path / "runs").exists()


def test_run_and_stages_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What needs no training: the run goes as far as it can, and its stages are finished."""
    place = ["--home", str(tmp_path), "--run", "first"]
    settings = ["--phantom-images", "24", "--variants", "vanilla_cnn", "--split", "paper"]
    failing = {**os.environ, FAIL_VARIANT: "vanilla_cnn"}
    assert main(["run", *place, *settings], environ=failing) == 2
    told = capsys.readouterr()
    assert "was made to fail" in told.out
    assert "No variant of this run has been trained" in told.err

    run = tmp_path / "runs" / "first"
    split_written_at = (run / "split" / "split.json").stat().st_mtime_ns
    assert main(["ingest", *place], environ={}) == 0
    assert main(["split", *place], environ={}) == 0
    assert (run / "split" / "split.json").stat().st_mtime_ns == split_written_at
    parts = read_json(run / "split" / "split.json")["parts"]
    assert (parts["train"]["n_images"], parts["val"]["n_images"]) == (18, 6)
    assert main(["report", *place], environ={}) == 2
    assert "'evaluate' of this run is not finished" in capsys.readouterr().err
