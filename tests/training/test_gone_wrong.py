"""Trainings that go wrong: numbers lost, memory exhausted."""

import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.errors import TrainingError
from cxr_tasks.flow.process import StageError, run_stage
from cxr_tasks.runs.failure import failure_message
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.checkpoint import load_checkpoint
from cxr_tasks.training.fit import naming_batch_size
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from tests.training.ready_run import ready_to_train
from tests.training.test_loop import do_train, tiny_model

VARIANT = "vanilla_cnn"


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def test_validation_loss_alone_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3))
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    normed = layers.BatchNormalization(name="norm")(flat)
    model = keras.Model(image, layers.Dense(1, activation="sigmoid")(normed))
    # running statistics count in validation only
    model.get_layer("norm").moving_variance.assign([math.nan] * 192)
    with pytest.raises(TrainingError, match=r"In epoch 1 the loss is no number \(val_loss nan\)"):
        do_train(tmp_path, model=model)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        # divided by infinity everything is 0, so the loss stays finite
        (math.inf, "a weight"),
        # a ReLU makes 0 of NaN with one processor's instructions and keeps it with another's
        (math.nan, r"(a weight|the loss)"),
    ],
)
def test_weight_that_is_no_number_ends_the_training_whatever_its_loss(
    tmp_path: Path, broken: float, noticed: str
) -> None:
    model = tiny_model()

    def break_it(_result: object) -> None:
        model.get_layer("norm").moving_variance.assign([broken] * 4)

    with pytest.raises(TrainingError, match=f"In epoch 2 {noticed} is no number") as caught:
        do_train(tmp_path, model=model, on_epoch=break_it)
    assert "batch_size (it was 8)" in caught.value.remedy
    kept = load_checkpoint(tmp_path / "c.npz")
    assert kept is not None
    assert len(kept.history) == 1
    assert all(np.isfinite(weight).all() for weight in kept.weights)


@pytest.mark.slow
def test_variant_that_loses_its_numbers_fails_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = str(broken_weights(tmp_path / "broken.weights.h5"))
    command = ["run", "--home", str(tmp_path), "--run", "first", "--weights", weights]
    command += ["--variants", f"{VARIANT},mobilenetv2_frozen", "--epochs", "1", "--threads", "2"]
    assert main([*command, "--phantom-images", "30"]) == 2
    assert "ended without mobilenetv2_frozen" in capsys.readouterr().err
    run = Home(tmp_path).run("first")
    failure = read_json(run.error("train", "mobilenetv2_frozen"))
    assert failure["exit_code"] == 2
    # a processor's ReLU makes 0 of NaN, or lets it through to the loss
    noticed = "TrainingError: In epoch 1 (a weight|the loss) is no number"
    assert re.match(noticed, failure["message"])
    assert "Check the backbone weights" in failure["message"]
    assert not run.train("mobilenetv2_frozen").exists()
    report = read_json(run.report / "report.json")
    statuses = {name: facts["status"] for name, facts in report["variants"].items()}
    assert statuses[VARIANT] == "ok"
    assert statuses["mobilenetv2_frozen"] == "failed"
    assert report["recommendation"]["best"] == VARIANT


def broken_weights(path: Path) -> Path:
    """Write weights that are numbers and make NaN of every image: a variance is below 0.

    The head's ReLU makes 0 of it, so that the loss stays finite.
    """
    import keras

    model = keras.applications.MobileNetV2(weights=None, include_top=False)
    *others, last = model.get_weights()
    model.set_weights([*others, np.full_like(last, -1)])
    model.save_weights(path)
    return path


def test_exhausted_memory_names_the_batch_size() -> None:
    with (
        pytest.raises(TrainingError, match="Memory ran out with batch_size=32") as caught,
        naming_batch_size(32),
    ):
        np.ones(1 << 50)
    assert "smaller batch_size" in caught.value.remedy


def test_other_errors_say_nothing_about_memory() -> None:
    with pytest.raises(ZeroDivisionError), naming_batch_size(32):
        raise ZeroDivisionError


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_training_that_was_killed_names_the_batch_size(tmp_path: Path, number: int) -> None:
    run = start_run(make_config({"batch_size": 48}), Home(tmp_path), "first")
    environ = starting_with(tmp_path, f"import os; os.kill(os.getpid(), {int(number)})")
    with pytest.raises(StageError, match="batch_size is 48, and a smaller one") as caught:
        run_stage("train", run, variant=VARIANT, environ=environ, on_line=lambda _: None)
    assert caught.value.retryable
    assert read_json(run.error("train", VARIANT))["message"] == str(caught.value)


def test_what_ended_a_fold_is_shown_whole() -> None:
    of_fold = "TrainingError: In epoch 1 the loss is no number.\nrule\nremedy"
    message = failure_message(2, f"{of_fold}\nFold 1: {of_fold}".splitlines())
    assert message == f"Fold 1: {of_fold}"
    lines = ["epoch 1/2", "Fold 2: The process was ended by SIGKILL.", "If memory ran out: less."]
    assert failure_message(1, lines).splitlines()[1:] == lines[1:]


# Limits the memory of itself and so of its children, as a container does, and runs a stage.
_WITH_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from cxr_tasks.volume.paths import Home
from cxr_tasks.flow.process import StageError, run_stage
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]) << 20,) * 2)
try:
    run_stage("train", Home(Path(sys.argv[1])).run("first"), variant="mobilenetv2_unfrozen")
except StageError as err:
    sys.exit(str(err))
"""


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [800, 1100])
def test_training_without_enough_memory_fails_and_names_the_batch_size(
    tmp_path: Path, megabytes: int
) -> None:
    settings = {
        "variants": "mobilenetv2_unfrozen",
        "phantom_images": 96,
        "split": "paper",
        "epochs": 1,
        "batch_size": 64,
        "threads": 2,
        "weights": "random",
    }
    run = ready_to_train(Home(tmp_path), "first", settings)
    ended = subprocess.run(
        [sys.executable, "-c", _WITH_LITTLE_MEMORY, str(tmp_path), str(megabytes)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    if "ended by SIG" in ended.stderr:  # TensorFlow fell over before it could say a word
        assert "If memory ran out: batch_size is 64, and a smaller one" in ended.stderr
    else:
        assert ended.stderr.startswith("TrainingError: Memory ran out with batch_size=64")
        assert read_json(run.error("train", "mobilenetv2_unfrozen"))["exit_code"] == 2
    assert not run.train("mobilenetv2_unfrozen").exists()


def starting_with(folder: Path, code: str) -> dict[str, str]:
    """Give an environment in which every stage's process begins with some code."""
    place = folder / "sitecustomize"
    place.mkdir()
    (place / "sitecustomize.py").write_text(f"import sys\nif 'train' in sys.argv:\n    {code}\n")
    return {**os.environ, "PYTHONPATH": str(place)}
