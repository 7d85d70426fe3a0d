from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.training.epoch import LabelledImages, TrainingSettings
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.loop import train
from cxr_tasks.training.model_file import load_model, save_model
from cxr_tasks.training.networks import augment, build_model, calibrate_batch_norm
from cxr_tasks.variants import VARIANTS

BACKBONES = [name for name, variant in VARIANTS.items() if variant.uses_backbone]
CALIBRATED = "mobilenetv2_partial"


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


@cache
def untouched(name: str) -> Any:
    """Build a variant once for all tests that only look at it."""
    return build_model(VARIANTS[name], seed=1, backbone_weights=None)


@cache
def some_pixels(n_images: int = 4) -> Any:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n_images, 14, 14, 3), dtype=np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


def by_layer(model: Any) -> dict[str, list[Any]]:
    return {layer.name: layer.get_weights() for layer in model.layers}


def n_values(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize(
    ("name", "n_parameters", "n_trainable"),
    [
        ("vanilla_cnn", 1_045_441, 1_045_441),
        ("mobilenetv2_frozen", 2_422_081, 164_097),
        ("mobilenetv2_partial", 2_422_081, 1_216_577),
        ("mobilenetv2_unfrozen", 2_422_081, 2_387_969),
    ],
)
def test_parameter_counts_are_the_studys(name: str, n_parameters: int, n_trainable: int) -> None:
    model = untouched(name)
    assert model.count_params() == n_parameters
    assert n_values(model.trainable_weights) == n_trainable


def test_layers_of_the_vanilla_cnn_are_the_studys() -> None:
    counts = {layer.name: layer.count_params() for layer in untouched("vanilla_cnn").layers}
    expected = {
        "conv1": 2_432,
        "conv2": 18_496,
        "conv3": 73_856,
        "conv4": 147_584,
        "dense": 802_944,
        "covid": 129,
    }
    assert {name: n for name, n in counts.items() if n} == expected
    assert untouched("vanilla_cnn").get_layer("conv4_pool").output.shape == (None, 7, 7, 128)


def test_dropout_is_the_variants() -> None:
    rates = {name: untouched(name).get_layer("dropout").rate for name in VARIANTS}
    assert rates == {name: variant.dropout for name, variant in VARIANTS.items()}
    assert list(rates.values()) == [0.2, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "last_frozen"),
    [("mobilenetv2_frozen", "out_relu"), ("mobilenetv2_partial", "block_15_expand")],
)
def test_frozen_layers_are_the_first_ones_up_to(name: str, last_frozen: str) -> None:
    layers = untouched(name).layers
    frozen = [layer.name for layer in layers if not layer.trainable]
    assert frozen[-1] == last_frozen
    assert frozen == [layer.name for layer in layers[: len(frozen)]]


def test_every_network_is_one_flat_graph_of_named_layers() -> None:
    for name in VARIANTS:
        layers = untouched(name).layers
        assert not [layer.name for layer in layers if hasattr(layer, "layers")]
        # Names that Keras counts up (dense_7) would differ from process to process.
        assert {layer.name for layer in layers} == {layer.name for layer in rebuilt(name).layers}


@cache
def rebuilt(name: str) -> Any:
    return build_model(VARIANTS[name], seed=1, backbone_weights=None)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_one_seed_gives_the_same_first_weights(name: str) -> None:
    for weight, other in zip(
        untouched(name).get_weights(), rebuilt(name).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, other)


def test_another_seed_gives_other_first_weights() -> None:
    other = by_layer(build_model(VARIANTS["mobilenetv2_partial"], seed=2, backbone_weights=None))
    ours = by_layer(untouched("mobilenetv2_partial"))
    for layer in ("Conv1", "block_15_depthwise", "dense", "covid"):
        assert (ours[layer][0] != other[layer][0]).mean() > 0.99


def test_all_backbone_variants_start_from_one_point() -> None:
    first = by_layer(untouched(BACKBONES[0]))
    for name in BACKBONES[1:]:
        for layer, weights in by_layer(untouched(name)).items():
            for weight, other in zip(weights, first[layer], strict=True):
                np.testing.assert_array_equal(weight, other)


def test_pixels_are_scaled_as_the_study_does() -> None:
    import keras

    extremes = np.zeros((1, 224, 224, 3), np.uint8)
    extremes[0, 0] = 255
    for name, low, high in [("vanilla_cnn", 0, 1), (BACKBONES[0], -1, 1)]:
        model = untouched(name)
        scaled = np.asarray(keras.Model(model.input, model.get_layer("rescale").output)(extremes))
        assert (scaled.min(), scaled.max()) == (pytest.approx(low), pytest.approx(high))


def test_augmentation_is_in_training_only() -> None:
    import keras

    model = untouched("vanilla_cnn")
    until = keras.Model(model.input, model.get_layer("augment_contrast").output)
    pixels = some_pixels()
    np.testing.assert_allclose(until(pixels, training=False), pixels / 255, atol=1e-6)
    changed = np.asarray(until(pixels, training=True))
    assert np.abs(changed - pixels / 255).mean() > 0.05
    assert 0 <= changed.min() < changed.max() <= 1
    assert not [layer.name for layer in untouched(BACKBONES[0]).layers if "augment" in layer.name]


def test_augmented_examples_come_from_the_seed() -> None:
    pixels = some_pixels()
    changed = augment(pixels, seed=1)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert (changed != pixels).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(changed, augment(pixels, seed=1))
    assert (changed != augment(pixels, seed=2)).any()


def calibrated() -> Any:
    model = build_model(VARIANTS[CALIBRATED], seed=1, backbone_weights=None)
    calibrate_batch_norm(model, some_pixels(8))
    return model


once_calibrated = cache(calibrated)


def test_calibrated_layers_normalise() -> None:
    import keras

    model = once_calibrated()
    names = ("bn_Conv1", "block_7_project_BN", "Conv_1_bn")
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    for out in parts.predict_on_batch(some_pixels(8)):
        np.testing.assert_allclose(out.mean(axis=(0, 1, 2)), 0, atol=0.02)
        np.testing.assert_allclose(out.std(axis=(0, 1, 2)).max(), 1, atol=0.05)


def test_calibration_changes_the_statistics_alone_and_is_repeatable() -> None:
    model, again = once_calibrated(), calibrated()
    before = untouched(CALIBRATED)
    assert [layer.trainable for layer in model.layers] == [
        layer.trainable for layer in before.layers
    ]
    assert model.get_layer("bn_Conv1").momentum == before.get_layer("bn_Conv1").momentum
    for weight, other, first in zip(model.weights, again.weights, before.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())
        is_same = np.array_equal(weight.numpy(), first.numpy())
        assert is_same == (weight.name not in ("moving_mean", "moving_variance")), weight.path


def test_batch_norm_momentum_is_keras_own_unless_given() -> None:
    model = build_model(
        VARIANTS[CALIBRATED], seed=1, backbone_weights=None, batch_norm_momentum=0.7
    )
    for model_, expected in ((model, 0.7), (untouched(CALIBRATED), 0.999)):
        found = {layer.momentum for layer in model_.layers if hasattr(layer, "momentum")}
        assert found == {expected}


@dataclass(frozen=True)
class Trained:
    model: Any
    before: dict[str, list[Any]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the partly frozen variant for an epoch."""
    start_keras(threads=2, seed=0)
    model = calibrated()
    before = by_layer(model)
    data = LabelledImages(some_pixels(8), np.arange(8), np.arange(8, dtype=np.float32) % 2)
    settings = TrainingSettings(epochs=1, patience=1, batch_size=4, learning_rate=1e-3, seed=1)
    folder = tmp_path_factory.mktemp("trained")
    train(model, data, data, settings, checkpoint=folder / "c.npz", on_epoch=lambda _: None)
    return Trained(model, before)


@pytest.mark.slow
def test_training_changes_no_frozen_layer_nor_its_statistics(trained: Trained) -> None:
    after = by_layer(trained.model)
    changed = {
        layer
        for layer, weights in after.items()
        if any((a != b).any() for a, b in zip(weights, trained.before[layer], strict=True))
    }
    assert changed == {layer.name for layer in trained.model.layers if layer.trainable_weights}
    # Statistics of trainable layers move, those of frozen ones do not.
    assert (after["Conv_1_bn"][2] != trained.before["Conv_1_bn"][2]).any()
    assert "bn_Conv1" not in changed


def test_a_saved_model_gives_the_same_scores_for_uint8_and_float(tmp_path: Path) -> None:
    model = once_calibrated()
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    expected = model.predict(some_pixels(), verbose=0)
    assert expected.shape == (4, 1)
    assert 0 <= expected.min() < expected.max() <= 1
    for pixels in (some_pixels(), some_pixels().astype(np.float32)):
        np.testing.assert_array_equal(loaded.predict(pixels, verbose=0), expected)
    # Without the optimiser's two copies of every weight.
    assert (tmp_path / "model.keras").stat().st_size < 4.5 * loaded.count_params()


def test_the_vanilla_cnn_is_saved_with_its_augmentation(tmp_path: Path) -> None:
    model = untouched("vanilla_cnn")
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    np.testing.assert_array_equal(
        loaded.predict(some_pixels(), verbose=0), model.predict(some_pixels(), verbose=0)
    )


def plain_backbone(**options: Any) -> Any:
    import keras

    return keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None, **options
    )


def test_a_weights_file_gives_every_weight_of_the_backbone(tmp_path: Path) -> None:
    backbone = plain_backbone()
    rng = np.random.default_rng(0)
    backbone.set_weights([rng.random(weight.shape) for weight in backbone.weights])
    backbone.save_weights(tmp_path / "b.weights.h5")
    model = build_model(
        VARIANTS["mobilenetv2_partial"], seed=1, backbone_weights=tmp_path / "b.weights.h5"
    )
    for layer in backbone.layers[1:]:
        for weight, expected in zip(
            model.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("kind", ["narrow", "other", "broken", "text", "missing"])
def test_weights_of_another_network_are_refused(tmp_path: Path, kind: str) -> None:
    import keras

    path = tmp_path / "b.weights.h5"
    if kind == "narrow":
        plain_backbone(alpha=0.35).save_weights(path)
    elif kind == "other":
        image = keras.Input((224, 224, 3))
        keras.Model(image, keras.layers.Conv2D(32, 3, use_bias=False)(image)).save_weights(path)
    elif kind == "broken":
        backbone = plain_backbone()
        backbone.layers[-2].set_weights([w * np.nan for w in backbone.layers[-2].get_weights()])
        backbone.save_weights(path)
    elif kind == "text":
        path.write_text("no weights")
    with pytest.raises(ArtifactError, match=r"b\.weights\.h5 is no weights file of MobileNetV2"):
        build_model(VARIANTS["mobilenetv2_frozen"], seed=1, backbone_weights=path)
