"""The fused kernel gives what Keras' own layer gives: outputs, gradients, statistics."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.training.batch_norm import with_fused_batch_norm
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import load_model, save_model


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def network() -> Any:
    """Build a small network with trainable, frozen and unusual batch normalisation."""
    import keras
    from keras import layers

    norm = layers.BatchNormalization
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, kernel_initializer=keras.initializers.GlorotUniform(1)),
            norm(momentum=0.6, name="trainable"),
            norm(trainable=False, name="frozen"),
            norm(scale=False, name="without_scale"),
            layers.Flatten(),
            norm(name="flat"),
            layers.Dense(
                1, activation="sigmoid", kernel_initializer=keras.initializers.GlorotUniform(2)
            ),
        ]
    )
    return keras.Model(model.inputs, model.outputs)


def step_by_step(model: Any) -> list[float]:
    import keras

    model.compile(keras.optimizers.SGD(0.5), loss="binary_crossentropy")
    rng = np.random.default_rng(3)
    images = rng.normal(2, 3, (6, 8, 8, 3)).astype(np.float32)
    labels = np.array([[0], [1], [0], [1], [1], [0]], np.float32)
    # The second batch has one image: the kernel's variance is then farthest from Keras'.
    batches = [(images, labels), (images[:1], labels[:1]), (images, labels)]
    return [float(model.train_on_batch(*batch)) for batch in batches]


def test_training_is_the_same() -> None:
    plain, shared = network(), network()
    fused = with_fused_batch_norm(shared)
    np.testing.assert_allclose(step_by_step(fused), step_by_step(plain), rtol=1e-4)
    for ours, expected in zip(shared.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)


def test_only_what_trains_is_replaced() -> None:
    kinds = {layer.name: type(layer).__name__ for layer in with_fused_batch_norm(network()).layers}
    names = {"trainable", "frozen", "without_scale", "flat"}
    replaced = {name for name in names if kinds[name] == "FusedBatchNormalization"}
    assert replaced == {"trainable"}


def test_inference_is_keras_own() -> None:
    model = network()
    fused = with_fused_batch_norm(model)
    step_by_step(fused)
    images = np.random.default_rng(4).normal(size=(5, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(fused.predict_on_batch(images), model.predict_on_batch(images))


def test_the_saved_model_needs_no_code_of_ours(tmp_path: Path) -> None:
    model = network()
    step_by_step(with_fused_batch_norm(model))
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
