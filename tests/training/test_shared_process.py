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

pytestmark = pytest.mark.slow  # tests/training/test_folds.py has a second fold alone

SETTINGS = {
    "phantom_images": 40,
    "folds": 2,
    "epochs": 3,
    "patience": 3,
    "batch_size": 16,
    "threads": 2,
}
LONG = SETTINGS | {"epochs": 12, "patience": 12, "weights": "random"}
"""Long enough to be killed in the second fold."""
# Random weights are calibrated to each fold's images, for which frozen layers then run anew.
WEIGHTS = {"mobilenetv2_frozen": "phantom", "mobilenetv2_partial": "random"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module", params=["mobilenetv2_frozen", "mobilenetv2_partial"])
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def settings_of(variant: str) -> dict[str, object]:
    return SETTINGS | {"variants": variant, "weights": WEIGHTS[variant]}


@pytest.fixture(scope="module")
def shared(home: Home, variant: str) -> RunPaths:
    """Train the folds and the final fit in one process."""
    run = ready_to_train(home, f"shared-{variant}", settings_of(variant))
    run_stage("train", run, variant=variant, on_line=lambda _: None)
    return run


def numbers_of(run: RunPaths, variant: str) -> dict[str, object]:
    """Return all that the folds and the final fit computed."""
    folder = run.train(variant)
    return {
        place.name: numbers_in(place) for place in (folder, folder / "fold-1", folder / "fold-2")
    }


def numbers_in(folder: Path) -> dict[str, str]:
    history = pd.read_csv(folder / "history.csv").drop(columns="seconds")
    files = [path for path in folder.iterdir() if path.name in ("model.keras", "scores.csv")]
    return {path.name: sha256_of(path) for path in files} | {
        "history": history.to_csv(index=False)  # exact, and NaN is NaN there
    }


def test_numbers_are_those_of_processes_of_their_own(
    home: Home, shared: RunPaths, variant: str
) -> None:
    run = ready_to_train(home, f"separate-{variant}", settings_of(variant))
    for number in (1, 2):
        run_fold(variant, number, run, environ=os.environ, on_line=lambda _: None)
    assert not (run.training(variant) / "model.keras").exists()
    run_stage("train", run, variant=variant, on_line=lambda _: None)
    assert numbers_of(run, variant) == numbers_of(shared, variant)


def test_records_and_progress_are_those_of_processes_of_their_own(
    shared: RunPaths, variant: str
) -> None:
    told = [event for event, _ in read_events(shared.progress) if event.stage == "train"]
    assert {event.name for event in told} == {f"train {variant}"}
    epochs = [event.fit for event in told if event.kind == "epoch"]
    assert epochs[:6] == ["fold 1 of 2"] * 3 + ["fold 2 of 2"] * 3
    assert set(epochs[6:]) == {"final fit"}
    assert [event.kind for event in told].count("done") == 1
    record = read_json(shared.train(variant) / "train.json")
    for fold in record["folds"]:
        own = read_json(shared.train(variant) / f"fold-{fold['round']}" / "train.json")
        assert own["peak_anon_mb"] == fold["peak_anon_mb"] <= record["peak_anon_mb"]


def test_process_killed_in_its_second_fold_goes_on_there(home: Home) -> None:
    variant = "mobilenetv2_partial"
    whole, run = (
        ready_to_train(home, name, LONG | {"variants": variant}) for name in ("whole", "killed")
    )
    run_stage("train", whole, variant=variant, on_line=lambda _: None)
    child = subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", "train", "--variant", variant],
        env={**os.environ, "CXR_HOME": str(home.root), "CXR_RUN": run.key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = run.training(variant)
    while not (folder / "fold-2.partial" / "checkpoint.npz").exists():
        assert child.poll() is None, "the training ended before its second fold"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = (folder / "fold-1" / "model.keras").stat().st_mtime_ns

    run_stage("train", run, variant=variant, on_line=lambda _: None)
    assert (run.train(variant) / "fold-1" / "model.keras").stat().st_mtime_ns == kept
    folds = read_json(run.train(variant) / "train.json")["folds"]
    assert folds[0]["resumed_from_epoch"] == 0 < folds[1]["resumed_from_epoch"]
    assert numbers_of(run, variant) == numbers_of(whole, variant)


def test_fold_that_fails_is_named(shared: RunPaths, variant: str) -> None:
    config = open_run(shared.home, shared.key)[1]
    progress = Progress(shared.progress, "train", variant, echo=lambda _: None)
    context = StageContext(shared, config, progress, {}, variant)
    with (
        process_card(shared.home, {}, note=progress.note) as card,
        pytest.raises(ConfigError, match=rf"^Fold 9: The run 'shared-{variant}' has no fold 9\."),
    ):
        train_fold_here(context, card, 9)
