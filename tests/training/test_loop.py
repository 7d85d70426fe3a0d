import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.errors import TrainingError
from cxr_tasks.training.checkpoint import load_checkpoint, save_checkpoint
from cxr_tasks.training.epoch import EpochResult, LabelledImages, TrainingSettings
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.loop import TrainingResult, train

THREADS = 2
SETTINGS = TrainingSettings(epochs=5, patience=99, batch_size=8, learning_rate=1e-2, seed=7)


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=THREADS, seed=0)


def tiny_model(*, is_random: bool = True) -> Any:
    """Make a small network with everything that a resumed training could get wrong."""
    import keras
    from keras import layers

    def seeded(seed: int) -> dict[str, Any]:
        return {"kernel_initializer": keras.initializers.GlorotUniform(seed=seed)}

    image = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(image)
    if is_random:
        x = layers.RandomFlip("horizontal", seed=1)(x)
        x = layers.RandomContrast(0.1, value_range=(0, 1), seed=2)(x)
        x = layers.Conv2D(4, 3, **seeded(3))(x)
        x = layers.BatchNormalization(name="norm")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(8, activation="relu", **seeded(4))(x)
    x = layers.Dropout(0.3 if is_random else 0.0, seed=5)(x)
    return keras.Model(image, layers.Dense(1, activation="sigmoid", **seeded(6))(x))


def fixed_model() -> Any:
    return tiny_model(is_random=False)


def some_images(n_images: int = 30, *, first: int = 0, seed: int = 0) -> LabelledImages:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n_images + first, 8, 8, 3), dtype=np.uint8)
    labels = (images[first:, :, :, 0].mean(axis=(1, 2)) > 127).astype(np.float32)
    return LabelledImages(images, np.arange(first, first + n_images), labels)


def do_train(
    folder: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    model: Any = None,
    on_epoch: Callable[[EpochResult], None] = lambda _result: None,
    **options: Any,
) -> tuple[Any, TrainingResult]:
    model = tiny_model() if model is None else model
    result = train(
        model,
        some_images(),
        some_images(12, seed=1),
        settings,
        checkpoint=folder / "c.npz",
        on_epoch=on_epoch,
        **{"interval_seconds": 0.0, **options},
    )
    return model, result


def figures(result: TrainingResult) -> list[tuple[float, ...]]:
    return [astuple(replace(epoch, seconds=0.0)) for epoch in result.history]


def assert_same(one: tuple[Any, TrainingResult], other: tuple[Any, TrainingResult]) -> None:
    assert figures(one[1]) == figures(other[1])
    assert one[1].kept_epoch == other[1].kept_epoch
    for weight, expected in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder for what the undisturbed training could be gone on from after each epoch."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def undisturbed(checkpoints: Path) -> tuple[Any, TrainingResult]:
    start_keras(threads=THREADS, seed=0)

    def keep(result: EpochResult) -> None:
        shutil.copy(checkpoints / "c.npz", checkpoints / f"{result.epoch}.npz")

    model, result = do_train(checkpoints, on_epoch=keep)
    assert all(epoch.val_loss_no_lag for epoch in result.history)  # compared with all the others
    return model, result


class StoppedHereError(Exception):
    pass


def stop_after(epoch: int) -> Callable[[EpochResult], None]:
    def on_epoch(result: EpochResult) -> None:
        if result.epoch == epoch:
            raise StoppedHereError

    return on_epoch


def test_one_seed_gives_one_result(tmp_path: Path, undisturbed: tuple[Any, TrainingResult]) -> None:
    # Random numbers that others draw meanwhile change nothing.
    start_keras(threads=THREADS, seed=99)
    assert_same(do_train(tmp_path), undisturbed)
    other = do_train(tmp_path, replace(SETTINGS, seed=8))
    assert figures(other[1]) != figures(undisturbed[1])


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_resumed_training_ends_with_the_numbers_of_an_undisturbed_one(
    tmp_path: Path, undisturbed: tuple[Any, TrainingResult], checkpoints: Path, epoch: int
) -> None:
    shutil.copy(checkpoints / f"{epoch}.npz", tmp_path / "c.npz")
    trained: list[int] = []
    resumed = do_train(tmp_path, on_epoch=lambda result: trained.append(result.epoch))
    assert resumed[1].resumed_after_epoch == epoch
    assert trained == list(range(epoch + 1, 6))
    assert_same(resumed, undisturbed)


def test_history_of_an_older_version_is_gone_on_with(
    tmp_path: Path, undisturbed: tuple[Any, TrainingResult], checkpoints: Path
) -> None:
    kept = load_checkpoint(checkpoints / "2.npz")
    assert kept is not None
    older = [
        {key: value for key, value in epoch.items() if not key.endswith("_no_lag")}
        for epoch in kept.history
    ]
    save_checkpoint(tmp_path / "c.npz", replace(kept, history=older))
    _, result = do_train(tmp_path)
    found = [epoch.val_loss_no_lag for epoch in result.history]
    expected = [epoch.val_loss_no_lag for epoch in undisturbed[1].history]
    assert found == [None, None, *expected[2:]]


def test_a_killed_training_is_resumed_by_another_process(
    tmp_path: Path, undisturbed: tuple[Any, TrainingResult]
) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from cxr_tasks.training.keras_runtime import start_keras
start_keras(threads={THREADS}, seed=0)
from tests.training.test_loop import do_train
def kill(result):
    if result.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
do_train(Path({str(tmp_path)!r}), on_epoch=kill)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict(os.environ),
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    resumed = do_train(tmp_path)
    assert resumed[1].resumed_after_epoch == 2
    assert_same(resumed, undisturbed)


def test_early_stopping_goes_on_counting_after_an_interruption(tmp_path: Path) -> None:
    # A rate of 0 never improves on the first epoch; without batch statistics nothing moves.
    settings = replace(SETTINGS, epochs=20, patience=4, learning_rate=0.0)

    with pytest.raises(StoppedHereError):
        do_train(tmp_path, settings, model=fixed_model(), on_epoch=stop_after(3))
    _, result = do_train(tmp_path, settings, model=fixed_model())
    assert (len(result.history), result.kept_epoch, result.stopped_early) == (5, 1, True)


def test_a_finished_training_is_not_repeated(
    undisturbed: tuple[Any, TrainingResult], checkpoints: Path
) -> None:
    again = do_train(checkpoints, on_epoch=stop_after(5))
    assert_same(again, undisturbed)
    assert again[1].train_seconds == undisturbed[1].train_seconds


@pytest.fixture(scope="module")
def checkpoint_of_fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    start_keras(threads=THREADS, seed=0)
    folder = tmp_path_factory.mktemp("fixed")
    with pytest.raises(StoppedHereError):
        do_train(folder, model=fixed_model(), on_epoch=stop_after(1))
    return folder / "c.npz"


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (replace(SETTINGS, learning_rate=2e-2), {}),
        (replace(SETTINGS, seed=8), {}),
        (SETTINGS, {"context": "another data set"}),
    ],
)
def test_a_checkpoint_of_another_training_is_left_out(
    tmp_path: Path, checkpoint_of_fixed: Path, settings: TrainingSettings, options: dict[str, Any]
) -> None:
    shutil.copy(checkpoint_of_fixed, tmp_path)
    notes: list[str] = []
    _, result = do_train(tmp_path, settings, model=fixed_model(), note=notes.append, **options)
    assert result.resumed_after_epoch == 0
    assert len(notes) == 1
    assert "is of another training" in notes[0]


def test_checkpoint_of_the_same_training_is_gone_on_from(
    tmp_path: Path, checkpoint_of_fixed: Path
) -> None:
    shutil.copy(checkpoint_of_fixed, tmp_path)
    assert do_train(tmp_path, model=fixed_model())[1].resumed_after_epoch == 1


def test_a_checkpoint_of_other_first_weights_is_left_out(
    tmp_path: Path, checkpoint_of_fixed: Path
) -> None:
    shutil.copy(checkpoint_of_fixed, tmp_path)
    model = fixed_model()
    model.set_weights([weight * 0.5 for weight in model.get_weights()])
    assert do_train(tmp_path, model=model)[1].resumed_after_epoch == 0


def test_a_damaged_checkpoint_is_left_out(
    tmp_path: Path, undisturbed: tuple[Any, TrainingResult]
) -> None:
    (tmp_path / "c.npz").write_bytes(b"x" * 500)
    notes: list[str] = []
    assert_same(do_train(tmp_path, note=notes.append), undisturbed)
    assert "is damaged" in notes[0]


def test_checkpoints_keep_their_distance_but_the_first_and_last_epoch_have_one(
    tmp_path: Path,
) -> None:
    seconds = iter(range(1000))
    written: list[int] = []

    def on_epoch(result: EpochResult) -> None:
        if (tmp_path / "c.npz").exists():
            written.append(result.epoch)
            (tmp_path / "c.npz").unlink()

    # Three looks at the clock an epoch, and one more where a checkpoint is written.
    do_train(tmp_path, on_epoch=on_epoch, interval_seconds=5.0, clock=lambda: float(next(seconds)))
    assert written == [1, 3, 5]


def test_the_best_weights_are_restored(tmp_path: Path) -> None:
    # So high a rate that the last epoch is not the best one.
    model, result = do_train(tmp_path, replace(SETTINGS, learning_rate=0.1, epochs=8))
    losses = [epoch.val_loss for epoch in result.history]
    assert result.kept_epoch == 1 + int(np.argmin(losses)) < 8
    images, labels = next(some_images(12, seed=1).batches(12))
    logs = model.test_on_batch(images, labels, return_dict=True)
    assert logs["loss"] == pytest.approx(min(losses), rel=1e-5)


def test_patience_stops_a_training(tmp_path: Path) -> None:
    settings = replace(SETTINGS, learning_rate=0.1, epochs=60, patience=2)
    _, result = do_train(tmp_path, settings)
    assert result.stopped_early
    assert len(result.history) == result.kept_epoch + 2 < 60


def test_a_training_is_what_keras_fit_does(tmp_path: Path) -> None:
    """One batch an epoch, so that the order of images decides about last bits only."""
    import keras

    settings = TrainingSettings(
        epochs=40,
        patience=3,
        batch_size=30,
        learning_rate=0.03,
        seed=1,
        class_weight={0: 0.5, 1: 1.5},
    )
    model, result = do_train(tmp_path, settings, model=fixed_model())
    reference = fixed_model()
    reference.compile(keras.optimizers.Adam(0.03), loss="binary_crossentropy", metrics=["accuracy"])
    (images, labels), (val_images, val_labels) = (
        next(data.batches(99)) for data in (some_images(), some_images(12, seed=1))
    )
    history = reference.fit(
        images,
        labels,
        batch_size=30,
        epochs=40,
        verbose=0,
        class_weight={0: 0.5, 1: 1.5},
        validation_data=(val_images, val_labels),
        callbacks=[keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)],
    ).history
    assert 4 < len(result.history) == len(history["loss"]) < 40
    for name, expected in history.items():
        ours = [getattr(epoch, name) for epoch in result.history]
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)
    for weight, expected in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-3, atol=1e-3)


def test_a_smaller_last_batch_counts_by_its_images(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=1, learning_rate=0.0)
    model, result = do_train(tmp_path, settings, model=fixed_model())
    images, labels = next(some_images().batches(30))
    logs = model.test_on_batch(images, labels, return_dict=True)
    assert result.history[0].loss == pytest.approx(logs["loss"], rel=1e-6)
    assert result.history[0].accuracy == pytest.approx(logs["accuracy"], rel=1e-6)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    model = fixed_model()
    model.layers[-1].bias.assign([math.nan])
    with pytest.raises(TrainingError, match=r"In epoch 1 the loss is no number \(loss nan"):
        do_train(tmp_path, model=model)
    assert list(tmp_path.iterdir()) == []


def test_batches_are_the_rows_in_order_read_one_by_one(tmp_path: Path) -> None:
    stored = np.lib.format.open_memmap(
        tmp_path / "i.npy", mode="w+", dtype=np.uint8, shape=(9, 2, 2, 3)
    )
    stored[:] = np.arange(9)[:, None, None, None]
    data = LabelledImages(stored, np.array([8, 1, 5, 4]), np.array([1, 0, 0, 1], np.float32))
    found = [
        (images[:, 0, 0, 0].tolist(), labels.tolist(), type(images))
        for images, labels in data.batches(3, order=np.array([3, 0, 1, 2]))
    ]
    assert found == [([4, 8, 1], [[1.0], [1.0], [0.0]], np.ndarray), ([5], [[0.0]], np.ndarray)]
