"""The tool behind the page on Model 4: what it derives from one trajectory, and that it goes on."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from bench.model_four import mixing
from bench.model_four.__main__ import main
from bench.model_four.choices import choose
from bench.model_four.trajectory import CurveWriter
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.errors import EXIT_CODE
from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.fit import HISTORY_COLUMNS
from cxr_tasks.training.keras_runtime import start_keras

EPOCH = EpochResult(
    epoch=1,
    loss=0.7,
    accuracy=0.5,
    val_loss=0.6,
    val_accuracy=0.55,
    seconds=1.0,
    val_loss_no_lag=0.5,
    val_accuracy_no_lag=0.7,
)


def some_curves() -> pd.DataFrame:
    """Make a trajectory that lag bends upwards at first, as Model 4's is."""
    n = 60
    falling = [0.8 - 0.01 * k for k in range(n)]
    bent = [loss + 0.03 * min(k, n - k) for k, loss in enumerate(falling)]
    return pd.DataFrame(
        {
            "epoch": range(1, n + 1),
            "loss": falling,
            "accuracy": 0.8,
            "val_loss": bent,
            "val_accuracy": [0.5 + 0.001 * k for k in range(n)],
            "seconds": 1.0,
            "val_loss_no_lag": falling,
            "val_accuracy_no_lag": [0.6 + 0.005 * k for k in range(n)],
        }
    )


def test_patience_chooses_under_each_kind_of_statistics() -> None:
    running, without_lag = choose(some_curves(), patience=20)
    assert running == {
        "statistics": "running",
        "patience": 20,
        "stopped_after": 21,
        "best_epoch": 1,
        "val_loss": 0.8,
        "val_accuracy": 0.5,
    }
    assert without_lag == {
        "statistics": "without lag",
        "patience": 20,
        "stopped_after": None,
        "best_epoch": 60,
        "val_loss": 0.21,
        "val_accuracy": 0.895,
    }


def test_curves_are_whole_after_every_epoch_and_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    for numbers in ((1, 2, 3), (3, 4)):  # the second process goes on from an older checkpoint
        writer = CurveWriter(path, lambda _text: None)
        for number in numbers:
            writer.add(replace(EPOCH, epoch=number, loss=1 / number))
            assert list(pd.read_csv(path)["epoch"]) == list(range(1, number + 1))
    table = pd.read_csv(path)
    assert list(table.columns) == HISTORY_COLUMNS
    assert table["loss"].tolist() == [1, 1 / 2, 1 / 3, 1 / 4]


def test_figures_are_drawn_again_without_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some_curves().to_csv(tmp_path / "curves.csv", index=False)
    assert main(["--redraw", "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "choices.csv",
        "curves.csv",
        "curves.svg",
    ]
    first = (tmp_path / "curves.svg").read_text()
    assert ET.fromstring(first).tag.endswith("svg")  # noqa: S314 - drawn here
    assert "validation, statistics without lag" in first
    assert "prefers-color-scheme: dark" in first
    assert "patience 30 stops here" in first
    assert main(["--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "curves.svg").read_text() == first
    assert "curves.svg" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [b"", b"epoch,loss\n1,2\n", b"\xff\xfe", b'"', b"COLUMNS\n", b"COLUMNS\n1,2,3,4,5,6,,8"],
)
def test_table_that_cannot_be_drawn_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    columns = ",".join(HISTORY_COLUMNS).encode()
    (tmp_path / "curves.csv").write_bytes(content.replace(b"COLUMNS", columns))
    assert main(["--redraw", "--out", str(tmp_path)]) == EXIT_CODE
    assert f"{tmp_path / 'curves.csv'} cannot be drawn: " in capsys.readouterr().err


def test_nothing_to_draw_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--redraw", "--out", str(tmp_path)]) == EXIT_CODE
    assert "holds neither mixing.csv nor curves.csv" in capsys.readouterr().err


def test_data_that_are_not_there_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--data", str(tmp_path / "none.zip"), "--weights", str(tmp_path / "none.h5")]
    home = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]
    assert main([*named, *home]) == EXIT_CODE
    assert "none.zip" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_parts_run_on_a_few_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "EPOCHS", (0, 40, None))
    monkeypatch.setattr(mixing, "HEAD_EPOCHS", (3,))
    command = ["--data", str(few_images(tmp_path)), "--weights", str(some_weights(tmp_path))]
    command += ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out"), "--epochs", "2"]
    assert main(command) == 0
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert list(curves["epoch"]) == [1, 2]
    assert curves["val_loss_no_lag"].notna().all()
    mixed = pd.read_csv(tmp_path / "out" / "mixing.csv")
    assert mixed["share_of_new_statistics"].tolist() == [0, 0.0392, 1]  # one step an epoch
    assert mixed["epoch"].isna().tolist() == [False, False, True]
    assert (tmp_path / "out" / "mixing.svg").exists()
    assert main(command) == 0  # finished: nothing is trained again
    again = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert again.equals(curves)


def few_images(folder: Path) -> Path:
    path = folder / "few.zip"
    with ZipFile(path, "w") as archive:
        for image in plan_phantom(16, seed=1):
            archive.writestr(image.path, draw_phantom(image, seed=1))
    return path


def some_weights(folder: Path) -> Path:
    start_keras(threads=2, seed=0)
    import keras

    path = folder / "random.weights.h5"
    keras.applications.MobileNetV2((224, 224, 3), weights=None, include_top=False).save_weights(
        path
    )
    return path
