"""Folds that share their training's process: same numbers, kept and gone on with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.process import run_fold, run_stage
from cxr_tasks.flow.stages import StageContext
from cxr_tasks.flow.stages.training import train_fold_here
from cxr_tasks.runs.start import open_run
from cxr_tasks.training.gpu_lease import process_card
from cxr_tasks.volume.files import read_json, sha256_of
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress, read_events
from tests.training.ready_run import ready_to_train

VARIANT = "mobilenetv2_partial"
SETTINGS = {
    "variants": VARIANT,
    "phantom_images": 40,
    "folds": 2,
    "epochs": 12,
    "patience": 12,
    "batch_size": 16,
    "threads": 2,
    "weights": "random",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def shared(home: Home) -> RunPaths:
    """Train the folds and the final fit in one process."""
    run = ready_to_train(home, "shared", SETTINGS)
    run_stage("train", run, variant=VARIANT, on_line=lambda _: None)
    return run


def numbers_of(run: RunPaths) -> dict[str, object]:
    """Return all that the folds and the final fit computed."""
    folder = run.train(VARIANT)
    numbers: dict[str, object] = {}
    for place in (folder, folder / "fold-1", folder / "fold-2"):
        name = place.name
        history = pd.read_csv(place / "history.csv").drop(columns="seconds")
        numbers[f"{name}/history"] = history.to_numpy().tolist()
        numbers[f"{name}/model"] = sha256_of(place / "model.keras")
        if place != folder:
            numbers[f"{name}/scores"] = sha256_of(place / "scores.csv")
    return numbers


def test_numbers_are_those_of_processes_of_their_own(home: Home, shared: RunPaths) -> None:
    run = ready_to_train(home, "separate", SETTINGS)
    for number in (1, 2):
        run_fold(VARIANT, number, run, environ=os.environ, on_line=lambda _: None)
    assert not (run.training(VARIANT) / "model.keras").exists()
    run_stage("train", run, variant=VARIANT, on_line=lambda _: None)
    assert numbers_of(run) == numbers_of(shared)


def test_records_and_progress_are_those_of_processes_of_their_own(shared: RunPaths) -> None:
    told = [event for event, _ in read_events(shared.progress) if event.stage == "train"]
    assert {event.name for event in told} == {f"train {VARIANT}"}
    epochs = [event.fit for event in told if event.kind == "epoch"]
    assert epochs[:24] == ["fold 1 of 2"] * 12 + ["fold 2 of 2"] * 12
    assert set(epochs[24:]) == {"final fit"}
    assert [event.kind for event in told].count("done") == 1
    record = read_json(shared.train(VARIANT) / "train.json")
    for fold in record["folds"]:
        own = read_json(shared.train(VARIANT) / f"fold-{fold['round']}" / "train.json")
        assert own["peak_anon_mb"] == fold["peak_anon_mb"] <= record["peak_anon_mb"]


@pytest.mark.slow
def test_process_killed_in_its_second_fold_goes_on_there(home: Home, shared: RunPaths) -> None:
    run = ready_to_train(home, "killed", SETTINGS)
    child = subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", "train", "--variant", VARIANT],
        env={**os.environ, "CXR_HOME": str(home.root), "CXR_RUN": run.key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = run.training(VARIANT)
    while not (folder / "fold-2.partial" / "checkpoint.npz").exists():
        assert child.poll() is None, "the training ended before its second fold"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = (folder / "fold-1" / "model.keras").stat().st_mtime_ns

    run_stage("train", run, variant=VARIANT, on_line=lambda _: None)
    assert (run.train(VARIANT) / "fold-1" / "model.keras").stat().st_mtime_ns == kept
    resumed = [fold["resumed_from_epoch"] for fold in read_json(_record(run))["folds"]]
    assert resumed[0] == 0 < resumed[1]
    assert numbers_of(run) == numbers_of(shared)


def _record(run: RunPaths) -> Path:
    return run.train(VARIANT) / "train.json"


def test_fold_that_fails_is_named(shared: RunPaths) -> None:
    config = open_run(shared.home, shared.key)[1]
    progress = Progress(shared.progress, "train", VARIANT, echo=lambda _: None)
    context = StageContext(shared, config, progress, {}, VARIANT)
    with (
        process_card(shared.home, {}, note=progress.note) as card,
        pytest.raises(ConfigError, match=r"^Fold 9: The run 'shared' has no fold 9\."),
    ):
        train_fold_here(context, card, 9)
