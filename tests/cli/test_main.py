import os
import shlex
import subprocess
from pathlib import Path

import pytest

from cxr_tasks.cli.main import main, make_parser
from cxr_tasks.settings import SETTINGS
from cxr_tasks.volume.files import read_json
from tests.failing_variant import failing_environ


def test_every_setting_has_a_flag_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["run", "--help"])
    shown = capsys.readouterr().out
    assert all(setting.flag in shown for setting in SETTINGS.values())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--epochs", "-1"], "epochs=-1 is not possible"),
        (["run", "--epochs", "many"], "epochs='many' is not possible"),
        (["run", "--variants", "resnet"], "variants='resnet' is not possible"),
        (["run", "--run", "../up"], "The run name '../up' cannot be used"),
        (["run", "--source", "zip", "--data", "no.zip"], "no.zip' does not exist"),
        (["run", "--epoch", "3"], "nearest that it knows is --epochs (make run: EPOCHS)"),
        (["run", "--variants", "vanilla_cnn", "--variants=resnet"], "more than once: --variants."),
        (["run", "--promote", "--no-promote"], "more than once: --promote."),
        (["run", "--kaggle-dataset", "o/s"], "kaggle_dataset='o/s' with source='phantom'"),
        (["run", "--prevalence", "10"], "It is a fraction: 0.1 is 10 %"),
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
    failing = failing_environ(os.environ, "vanilla_cnn", tmp_path / "failing")
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


def words_of_make_run(*typed: str) -> list[str]:
    """Return what `make run` would give to `python -m cxr_tasks`."""
    done = subprocess.run(
        ["/usr/bin/env", "make", "--dry-run", "--no-print-directory", "run", *typed],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SEED": "9"},
        capture_output=True,
        text=True,
        check=True,
    )
    return shlex.split(done.stdout.replace("\\\n", " ").partition("cxr_tasks")[2])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("EPOCH=3", "is --epochs (make run: EPOCHS)"),
        ("PROMOT=0", "is --promote (make run: PROMOTE)"),
        ("epoch=3", "is --epochs (make run: EPOCHS)"),
        ("KAGGLE_DATSET=o/s", "is --kaggle-dataset (make run: KAGGLE_DATASET)"),
        ("FRAMEWORK=jax", "python -m cxr_tasks run --help lists what it knows"),
    ],
)
def test_unknown_variable_of_make_run_is_refused(
    typed: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words_of_make_run(typed), "--home", str(tmp_path)], environ={}) == 2
    assert told in capsys.readouterr().err


def test_what_is_typed_for_a_switch_is_text_to_the_shell(tmp_path: Path) -> None:
    typed = f"a'; touch {tmp_path}/made; '"
    assert words_of_make_run(f"APPROVAL={typed}")[-1] == f"--approval={typed}"
    assert not (tmp_path / "made").exists()


def test_variables_of_make_run_are_flags_and_those_of_the_environment_are_not() -> None:
    typed = (
        "DATA=/o'neil/a b.zip",
        "PREVALENCE=0.2",
        "PROMOTE=Off",
        "FORCE=1",
        "ALLOW_SHORTCUT=",
        "CXR_HOME=/x",
        "PYTHON=python3",
        "HTTPS_PROXY=none",
        "KAGGLE_USERNAME=me",
        "KAGGLE_KEY=0",
        "KAGGLE_API_TOKEN=0",
        "KAGGLE_CONFIG_DIR=/k",
        "KAGGLE_API_ENVIRONMENT=PROD",
    )
    options = vars(make_parser().parse_args(words_of_make_run(*typed)))
    given = {name: value for name, value in options.items() if value is not None}
    assert given == {
        "command": "run",
        "airflow": True,
        "data": "/o'neil/a b.zip",
        "prevalence": 0.2,
        "promote": False,
        "force": True,
    }


def test_every_setting_is_a_variable_of_make_run() -> None:
    words = words_of_make_run(*(f"{name.upper()}=1" for name in SETTINGS))
    flags = {
        item.flag if item.kind == "boolean" else f"{item.flag}=1" for item in SETTINGS.values()
    }
    assert set(words) == {"run", "--airflow", *flags}
