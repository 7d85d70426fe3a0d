"""Statistics without lag: what the batches of an epoch had, and nothing of it stays behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_tasks.training.batch_norm import RunningStatistics, mean_of_batches, with_fused_batch_norm
from cxr_tasks.training.checkpoint import ModelState
from cxr_tasks.training.epoch import EpochTrainer, LabelledImages, TrainingSettings
from cxr_tasks.training.keras_runtime import MIXED, computing_in, start_keras

SETTINGS = TrainingSettings(epochs=1, patience=1, batch_size=8, learning_rate=1e-2, seed=5)
FUSED_OR_NOT = pytest.mark.parametrize(
    "fuse", [with_fused_batch_norm, pytest.param(lambda model: model, marks=pytest.mark.slow)]
)


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def network(momentum: float = 0.999) -> Any:
    """Make a network that begins with batch normalisation: its batches are the images themselves.

    A later one is behind weights that move, and one is frozen.
    """
    import keras
    from keras import layers

    def glorot(seed: int) -> dict[str, Any]:
        return {"kernel_initializer": keras.initializers.GlorotUniform(seed=seed)}

    image = keras.Input((6, 6, 3))
    x = layers.BatchNormalization(momentum=momentum, name="first")(image)
    x = layers.Conv2D(4, 3, **glorot(1))(x)
    x = layers.BatchNormalization(momentum=0.9, name="second")(x)
    x = layers.BatchNormalization(trainable=False, name="frozen")(x)
    x = layers.Dropout(0.2, seed=3)(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(1, activation="sigmoid", **glorot(2))(x))


def some_images(n_images: int, *, seed: int) -> LabelledImages:
    rng = np.random.default_rng(seed)
    images = rng.normal(40, 12, (n_images, 6, 6, 3)).astype(np.float32)
    labels = (images[:, :, :, 0].mean(axis=(1, 2)) > 40).astype(np.float32)
    return LabelledImages(images, np.arange(n_images), labels)


TRAIN, VAL = some_images(30, seed=0), some_images(12, seed=1)


@dataclass(frozen=True)
class Trained:
    model: Any
    state: ModelState
    before: tuple[NDArray[Any], ...]
    means: dict[str, float]


def train_an_epoch(fuse: Callable[[Any], Any], *, momentum: float = 0.999) -> Trained:
    model = network(momentum)
    trainer = EpochTrainer(fuse(model), TRAIN, VAL, SETTINGS)
    before = RunningStatistics(trainer.state.model).copies()
    return Trained(model, trainer.state, before, trainer.run(1))


def batches_of_the_epoch() -> list[NDArray[Any]]:
    order = np.random.default_rng([SETTINGS.seed, 1]).permutation(len(TRAIN))
    return [images for images, _ in TRAIN.batches(SETTINGS.batch_size, order=order)]


@FUSED_OR_NOT
@pytest.mark.parametrize("momentum", [0.999, pytest.param(0.7, marks=pytest.mark.slow), 0.0])
def test_recovered_statistics_are_the_weighted_mean_of_the_batches(
    fuse: Callable[[Any], Any], momentum: float
) -> None:
    trained = train_an_epoch(fuse, momentum=momentum)
    mean, variance, *_ = RunningStatistics(trained.state.model).of_epoch(trained.before, n_steps=4)
    batches = batches_of_the_epoch()
    assert [len(batch) for batch in batches] == [8, 8, 8, 6]
    weights = [momentum**k for k in (3, 2, 1, 0)]
    for found, statistic in ((mean, np.mean), (variance, np.var)):
        each = [statistic(batch, axis=(0, 1, 2)) for batch in batches]
        np.testing.assert_allclose(found, np.average(each, axis=0, weights=weights), rtol=2e-3)
    running = trained.model.get_layer("first").moving_mean
    assert (abs(np.asarray(running)) < 1).all() == (momentum == 0.999)


def test_four_digits_are_left_of_the_study_s_eight_steps() -> None:
    batches = np.random.default_rng(2).uniform(0.1, 3, (8, 500)).astype(np.float32)
    before = np.random.default_rng(3).uniform(0.1, 3, 500).astype(np.float32)
    after = before
    for batch in batches:
        after = after * np.float32(0.999) + batch * np.float32(1 - 0.999)
    found = mean_of_batches(before, after, momentum=0.999, n_steps=8)
    expected = np.average(batches, axis=0, weights=0.999 ** np.arange(7, -1, -1))
    np.testing.assert_allclose(found, expected, rtol=3e-4)


@FUSED_OR_NOT
def test_what_is_frozen_has_no_lag(fuse: Callable[[Any], Any]) -> None:
    model = network()
    assert len(RunningStatistics(fuse(model)).copies()) == 4  # of two layers out of three
    for name in ("first", "second"):
        model.get_layer(name).trainable = False
    assert not RunningStatistics(fuse(model))
    means = EpochTrainer(fuse(model), TRAIN, VAL, SETTINGS).run(1)
    assert set(means) == {"loss", "accuracy", "val_loss", "val_accuracy"}


@FUSED_OR_NOT
def test_training_does_not_notice_it(fuse: Callable[[Any], Any]) -> None:
    trained = train_an_epoch(fuse)
    state = EpochTrainer(fuse(model := network()), TRAIN, VAL, SETTINGS).state
    state.seed_random_layers(SETTINGS.seed, 1)
    order = np.random.default_rng([SETTINGS.seed, 1]).permutation(len(TRAIN))
    for images, labels in TRAIN.batches(SETTINGS.batch_size, order=order):
        state.model.train_on_batch(images, labels)
    for ours, expected in zip(trained.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)
    for ours, expected in zip(trained.state.optimizer(), state.optimizer(), strict=True):
        np.testing.assert_array_equal(ours, expected)


@FUSED_OR_NOT
def test_validation_loss_is_that_of_a_network_with_these_statistics(
    fuse: Callable[[Any], Any],
) -> None:
    trained = train_an_epoch(fuse)
    statistics = RunningStatistics(trained.state.model).of_epoch(trained.before, n_steps=4)
    for name, pair in (("first", statistics[:2]), ("second", statistics[2:])):
        layer = trained.model.get_layer(name)
        layer.moving_mean.assign(pair[0])
        layer.moving_variance.assign(pair[1])
    scores = trained.model.predict_on_batch(VAL.images)[:, 0].astype(np.float64)
    losses = -np.log(np.where(VAL.labels == 1, scores, 1 - scores))
    assert trained.means["val_loss_no_lag"] == pytest.approx(losses.mean(), rel=1e-4)
    accuracy = ((scores > 0.5) == VAL.labels).mean()
    assert trained.means["val_accuracy_no_lag"] == pytest.approx(accuracy)
    assert abs(trained.means["val_loss"] - losses.mean()) > 0.01


def test_own_statistics_come_back_also_after_a_failure() -> None:
    model = network()
    running = RunningStatistics(model)
    before = model.get_weights()
    others = tuple(each + 1 for each in running.copies())
    with pytest.raises(ZeroDivisionError), running.replaced(others):
        1 / 0  # noqa: B018
    for ours, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_variance_is_never_below_nothing() -> None:
    model = network()
    running = RunningStatistics(model)
    before = running.copies()
    model.get_layer("first").moving_variance.assign([0.5] * 3)  # sooner than steps could bring it
    model.get_layer("first").moving_mean.assign([-0.5] * 3)
    mean, variance, *_ = running.of_epoch(before, n_steps=4)
    assert (variance == 0).all()
    assert (mean < -100).all()


def test_half_precision_changes_little() -> None:
    full = train_an_epoch(with_fused_batch_norm).means
    fast = with_fused_batch_norm(network())
    with computing_in(MIXED, fast):
        mixed = EpochTrainer(fast, TRAIN, VAL, SETTINGS).run(1)
    assert mixed["val_loss_no_lag"] == pytest.approx(full["val_loss_no_lag"], rel=0.05)
