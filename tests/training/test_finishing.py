"""A training's folder on its way to a finished one, interrupted at each step."""

import zipfile
from pathlib import Path

import pytest

from cxr_tasks.training import finishing
from cxr_tasks.training.archive import make_reproducible
from cxr_tasks.training.finishing import find_training, finish_training
from cxr_tasks.training.folds import keep_whole_folds
from cxr_tasks.volume.records import find_finished, make_record, write_record
from tests.stored import flip_bit

INPUTS = {"split": "5p"}


@pytest.fixture
def working(tmp_path: Path) -> Path:
    folder = tmp_path / "x.partial"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"a model")
    (folder / "checkpoint.npz").write_bytes(b"a checkpoint")
    return folder


def finish(working: Path) -> None:
    finish_training(
        working,
        working.with_name("x"),
        inputs=INPUTS,
        config_fingerprint="c",
        seed=1,
        facts={"variant": "vanilla_cnn", "train_seconds": 1.0},
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_finished_training_has_no_checkpoint_and_lies_in_its_place(working: Path) -> None:
    finish(working)
    assert names_in(working.parent) == ["x"]
    assert names_in(working.parent / "x") == ["model.keras", "train.json"]
    assert find_finished(working.parent / "x", "train", inputs=INPUTS, note=pytest.fail)


@pytest.mark.parametrize("step", ["write_record", "_put_in_place", "put_in_place"])
def test_checkpoint_stays_until_the_training_is_finished(
    step: str, working: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finishing, step, killed)
        with pytest.raises(KeyboardInterrupt):
            finish(working)
    place = working.with_name("x")
    found = find_training(working, place, inputs=INPUTS, note=pytest.fail)
    if step == "write_record":
        assert found is None
        assert (working / "checkpoint.npz").exists()
    else:
        assert found is not None
        assert names_in(working.parent) == ["x"]
        assert names_in(place) == ["model.keras", "train.json"]


def test_record_half_written_by_a_killed_try_is_no_output(working: Path) -> None:
    (working / ".train.json.writing-x1").write_text("{")
    assert find_training(working, working.with_name("x"), inputs=INPUTS, note=pytest.fail) is None
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
            "train",
            inputs=inputs,
            config_fingerprint="c",
            seed=1,
            seconds=1,
            facts={"variant": "vanilla_cnn"},
        )
        write_record(fold, record)
    flip_bit(damaged / "fold-2" / "scores.csv")
    folder.mkdir()
    told: list[str] = []
    keep_whole_folds(damaged, folder, inputs=INPUTS, note=told.append)
    assert names_in(folder) == ["fold-1"]
    assert "fold-2" in told[0]


def test_archive_that_is_reproducible_stays_so(tmp_path: Path) -> None:
    for name, address in (("one", 139_999), ("two", 140_123)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("metadata.json", f'{{"keras_version": "3", "date_saved": "{name}"}}')
            shared = f'{{"shared_object_id": {address}}}'
            archive.writestr("config.json", f'{{"layers": [{shared}, {shared}]}}')
            archive.writestr("model.weights.h5", b"weights")
        make_reproducible(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with zipfile.ZipFile(tmp_path / "one") as archive:
        config = archive.read("config.json")
    assert config == b'{"layers": [{"shared_object_id": 1}, {"shared_object_id": 1}]}'
