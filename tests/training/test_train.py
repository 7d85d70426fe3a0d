"""The training stage as a user meets it: a child process that may be killed and tried again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.flow.process import StageError, run_stage
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.training.ready_run import ready_to_train

VARIANT = "vanilla_cnn"
SETTINGS = {
    "variants": VARIANT,
    "phantom_images": 24,
    "split": "paper",
    "epochs": 3,
    "patience": 3,
    "batch_size": 6,
    "threads": 2,
    "class_weights": True,
}
LONG = SETTINGS | {"epochs": 50, "patience": 50}
"""Long enough to be killed on its way."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def undisturbed(home: Home) -> RunPaths:
    run = ready_to_train(home, "undisturbed", SETTINGS)
    run_stage("train", run, variant=VARIANT, on_line=lambda _: None)
    return run


def train_until_checkpoint(run: RunPaths) -> None:
    """Start the training and kill it, with SIGKILL, soon after its first checkpoint."""
    child = subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", "train", "--variant", VARIANT],
        env={**os.environ, "CXR_HOME": str(run.home.root), "CXR_RUN": run.key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (run.training(VARIANT) / "checkpoint.npz").exists():
        assert child.poll() is None, "the training ended before its first checkpoint"
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()


@pytest.mark.slow
def test_killed_training_goes_on_and_ends_with_the_same_numbers(home: Home) -> None:
    whole, run = (ready_to_train(home, name, LONG) for name in ("whole", "killed"))
    train_until_checkpoint(run)
    assert not run.train(VARIANT).exists()
    for each in (whole, run):
        run_stage("train", each, variant=VARIANT, on_line=lambda _: None)

    record = read_json(run.train(VARIANT) / "train.json")
    assert 0 < record["resumed_from_epoch"] < record["epochs_run"]
    histories = [
        pd.read_csv(each.train(VARIANT) / "history.csv").drop(columns="seconds")
        for each in (whole, run)
    ]
    assert histories[0].equals(histories[1])
    assert not run.training(VARIANT).exists()


def test_finished_folder_says_what_was_done(undisturbed: RunPaths) -> None:
    folder = undisturbed.train(VARIANT)
    record = read_json(folder / "train.json")
    assert set(record["outputs"]) == {"model.keras", "history.csv", "augmented.npy"}
    assert (record["n_parameters"], record["n_trainable_parameters"]) == (1_045_441, 1_045_441)
    assert (record["epochs_run"], record["stopped_by"], record["threads"]) == (3, "epochs", 2)
    assert record["train_seconds"] > 0
    assert record["peak_anon_mb"] > 100
    assert record["versions"]["keras"]
    history = pd.read_csv(folder / "history.csv")
    assert record["best_epoch"] == history["val_loss"].to_numpy().argmin() + 1
    originals, augmented = np.load(folder / "augmented.npy")
    assert originals.dtype == np.uint8
    assert (originals != augmented).any()


def test_class_weights_make_both_classes_count_equally(undisturbed: RunPaths) -> None:
    record = read_json(undisturbed.train(VARIANT) / "train.json")
    train_part = read_json(undisturbed.split / "split.json")["parts"]["train"]
    weights = record["class_weight"]
    assert train_part["n_covid"] * weights["1"] == pytest.approx(9)
    assert train_part["n_normal"] * weights["0"] == pytest.approx(9)


def test_finished_training_is_not_repeated(undisturbed: RunPaths) -> None:
    model = undisturbed.train(VARIANT) / "model.keras"
    written_at = model.stat().st_mtime_ns
    run_stage("train", undisturbed, variant=VARIANT, on_line=lambda _: None)
    assert model.stat().st_mtime_ns == written_at


def test_changed_split_is_noticed(home: Home) -> None:
    run = ready_to_train(home, "tampered", SETTINGS)
    path = run.split / "split.csv"
    path.write_text(path.read_text().replace("train", "val", 1))
    with pytest.raises(StageError, match=r"split\.csv is not what its record says"):
        run_stage("train", run, variant=VARIANT, on_line=lambda _: None)


def test_variant_outside_the_run_is_refused(home: Home) -> None:
    run = ready_to_train(home, "other", SETTINGS)
    with pytest.raises(StageError, match="is not part of run 'other'"):
        run_stage("train", run, variant="mobilenetv2_frozen", on_line=lambda _: None)
    assert Path(run.error("train", "mobilenetv2_frozen")).exists()
