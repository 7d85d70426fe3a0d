"""Training curves as pages read them: whole, of one training or over folds, or not at all."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cxr_tasks.site.histories import read_histories
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from tests.made_facts import filled

HEAD = "epoch,loss,accuracy,val_loss,val_accuracy,seconds"
NAME = "vanilla_cnn"


@pytest.fixture
def run(home: Home) -> RunPaths:
    return home.run("one")


def put_history(folder: Path, rows: Sequence[str], *, head: str = HEAD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "history.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    outputs = {"history.csv": sha256_of(path)}
    write_sealed_record(folder / "train.json", filled(TrainingRecord, outputs=outputs))
    return path


def epoch(number: int, loss: float | str, accuracy: float | str = 0.5) -> str:
    return f"{number},1.0,0.5,{loss},{accuracy},1.5"


def test_one_training_is_read_epoch_by_epoch(run: RunPaths) -> None:
    put_history(run.train(NAME), [epoch(1, 0.7), epoch(2, 0.6), epoch(3, "", "")])
    found = read_histories(run, NAME)
    assert (found["val_loss"].epochs, found["val_loss"].values) == ((1, 2), (0.7, 0.6))
    assert found["val_loss"].n_folds == 0
    assert found["val_loss"].low == ()


def test_over_folds_it_is_their_mean_as_long_as_half_of_them_went_on(run: RunPaths) -> None:
    folder = run.train(NAME)
    put_history(folder, [epoch(1, 9.0)])  # of the final fit, which no image validates
    lengths = [2, 2, 3, 4]
    for number, n_epochs in enumerate(lengths, start=1):
        rows = [epoch(at, number / 10) for at in range(1, n_epochs + 1)]
        put_history(folder / f"fold-{number}", rows)
    loss = read_histories(run, NAME)["val_loss"]
    assert (loss.n_folds, loss.epochs) == (4, (1, 2, 3))
    assert loss.values == pytest.approx((0.25, 0.25, 0.35))
    assert loss.high[2] - loss.values[2] == pytest.approx(0.0707, abs=1e-4)


@pytest.mark.parametrize(
    "rows",
    [["x,1,1,1,1,1"], [epoch(0, 1)], [epoch(10_001, 1)], [epoch(1, "inf"), epoch(2, "nan")], [""]],
)
def test_a_history_of_anything_else_is_none(run: RunPaths, rows: list[str]) -> None:
    put_history(run.train(NAME), rows)
    assert "val_loss" not in read_histories(run, NAME)


def test_a_history_that_is_not_what_was_written_is_not_drawn(run: RunPaths) -> None:
    path = put_history(run.train(NAME), [epoch(1, 0.7)])
    path.write_text(path.read_text().replace("0.7", "0.1"))
    assert read_histories(run, NAME) == {}


def test_no_link_out_of_the_run_is_followed(run: RunPaths, tmp_path: Path) -> None:
    folder = put_history(tmp_path / "elsewhere", [epoch(1, 0.7)]).parent
    run.train(NAME).parent.mkdir(parents=True)
    run.train(NAME).symlink_to(folder)
    assert read_histories(run, NAME) == {}
