"""Mixed precision changes what a training computes in, not what it leaves behind."""

from typing import Any

import numpy as np
import pytest

from cxr_tasks.training.batch_norm import with_fused_batch_norm
from cxr_tasks.training.epoch import EpochTrainer, LabelledImages, TrainingSettings
from cxr_tasks.training.keras_runtime import (
    FULL,
    MIXED,
    choose_precision,
    computing_in,
    start_keras,
)

SETTINGS = TrainingSettings(epochs=1, patience=1, batch_size=8, learning_rate=3e-3, seed=1)


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


@pytest.mark.parametrize(
    ("setting", "has_gpu", "expected"),
    [
        ("auto", False, FULL),
        ("auto", True, MIXED),
        ("float32", True, FULL),
        ("mixed", False, MIXED),
    ],
)
def test_auto_follows_the_device(setting: str, has_gpu: bool, expected: str) -> None:
    assert choose_precision(setting, has_gpu=has_gpu) == expected


def network() -> Any:
    import keras
    from keras import layers

    def glorot(seed: int) -> Any:
        return keras.initializers.GlorotUniform(seed)

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, kernel_initializer=glorot(1))(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    x = layers.GlobalAveragePooling2D()(x)
    out = layers.Dense(1, activation="sigmoid", kernel_initializer=glorot(2), name="covid")(x)
    return keras.Model(image, out)


def trained(precision: str) -> tuple[Any, list[float], set[str]]:
    """Train some epochs; give the model, its losses, and what its layers computed in."""
    labels = np.arange(32, dtype=np.float32) % 2
    images = np.random.default_rng(0).integers(0, 200, (32, 16, 16, 3), dtype=np.uint8)
    images[labels == 1] += 50
    data = LabelledImages(images, np.arange(32), labels)
    model = network()
    fast = with_fused_batch_norm(model)
    with computing_in(precision, fast):
        trainer = EpochTrainer(fast, data, data, SETTINGS)
        losses = [trainer.run(epoch)["loss"] for epoch in range(1, 9)]
        kinds = {str(layer.compute_dtype) for layer in fast.layers}
        if precision == MIXED:
            assert type(fast.optimizer).__name__ == "LossScaleOptimizer"
    return model, losses, kinds


def test_mixed_precision_trains_as_full_precision_does() -> None:
    _, full, full_kinds = trained(FULL)
    model, mixed, mixed_kinds = trained(MIXED)
    assert (full_kinds, mixed_kinds) == ({"float32"}, {"float16", "float32"})
    assert full[-1] < full[0]
    np.testing.assert_allclose(mixed, full, rtol=0.02)
    assert mixed != full
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


def test_afterwards_the_model_computes_as_before() -> None:
    model, _, _ = trained(MIXED)
    assert model.layers[-1].compute_dtype == "float32"
    assert {str(layer.compute_dtype) for layer in model.layers} == {"float32"}
    fresh = network()
    fresh.set_weights(model.get_weights())
    images = np.full((2, 16, 16, 3), 90, np.uint8)
    np.testing.assert_array_equal(model.predict_on_batch(images), fresh.predict_on_batch(images))


def test_precision_is_restored_after_a_failure() -> None:
    model = network()
    with pytest.raises(ZeroDivisionError), computing_in(MIXED, model):
        1 / 0  # noqa: B018
    assert {str(layer.compute_dtype) for layer in model.layers} == {"float32"}
