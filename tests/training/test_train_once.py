"""A training's folder on its way to a finished one, interrupted at each step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.training import train
from cxr_tasks.training.train import keep_whole_folds, train_once
from cxr_tasks.training.training_record import FoldFacts, FoldRecord, TrainingFacts, TrainingRecord
from cxr_tasks.volume.records import find_finished, make_record, write_record
from tests.made_facts import filled
from tests.stored import flip_bit

INPUTS = {"split": "5p"}
FACTS = filled(TrainingFacts, variant="vanilla_cnn", train_seconds=1.0)


@pytest.fixture
def working(tmp_path: Path) -> Path:
    folder = tmp_path / "x.partial"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"a model")
    (folder / "checkpoint.npz").write_bytes(b"a checkpoint")
    return folder


def finish(
    working: Path, train: Callable[[Path], TrainingFacts] = lambda _: FACTS
) -> TrainingRecord:
    return train_once(
        working,
        working.with_name("x"),
        TrainingRecord,
        inputs=INPUTS,
        config_fingerprint="c",
        seed=1,
        train=train,
        note=pytest.fail,
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_finished_training_has_no_checkpoint_and_lies_in_its_place(working: Path) -> None:
    finish(working)
    assert names_in(working.parent) == ["x"]
    assert names_in(working.parent / "x") == ["model.keras", "train.json"]
    assert find_finished(working.parent / "x", TrainingRecord, inputs=INPUTS, note=pytest.fail)


@pytest.mark.parametrize("step", ["before its record", "after its record", "before its place"])
def test_checkpoint_stays_until_the_training_is_finished(
    step: str, working: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any) -> None:
        if step == "after its record":
            write_record(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(
            train, "put_in_place" if step == "before its place" else "write_record", killed
        )
        with pytest.raises(KeyboardInterrupt):
            finish(working)
    trained = []

    def train_again(folder: Path) -> TrainingFacts:
        trained.append((folder / "checkpoint.npz").exists())
        return FACTS

    assert finish(working, train_again).train_seconds == 1.0
    assert names_in(working.parent) == ["x"]
    assert names_in(working.with_name("x")) == ["model.keras", "train.json"]
    assert finish(working, train_again).outputs.keys() == {"model.keras"}
    assert trained == ([True] if step == "before its record" else [])


def test_record_half_written_by_a_killed_try_is_no_output(working: Path) -> None:
    (working / ".train.json.writing-x1").write_text("{")
    finish(working)
    assert names_in(working.with_name("x")) == ["model.keras", "train.json"]


def test_whole_folds_of_a_damaged_training_are_kept(tmp_path: Path) -> None:
    damaged, folder = tmp_path / "x", tmp_path / "x.partial"
    for number in (1, 2, 3):
        fold = damaged / f"fold-{number}"
        fold.mkdir(parents=True)
        (fold / "scores.csv").write_text(f"scores of {number}")
        inputs = INPUTS if number < 3 else {"split": "other"}
        record = make_record(
            fold,
            FoldRecord,
            inputs=inputs,
            config_fingerprint="c",
            seed=1,
            seconds=1,
            facts=filled(FoldFacts, variant="vanilla_cnn"),
        )
        write_record(fold, record)
    flip_bit(damaged / "fold-2" / "scores.csv")
    folder.mkdir()
    noted: list[str] = []
    keep_whole_folds(damaged, folder, inputs=INPUTS, note=noted.append)
    assert names_in(folder) == ["fold-1"]
    assert "fold-2" in noted[0]
