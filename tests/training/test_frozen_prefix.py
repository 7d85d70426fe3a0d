"""A cut network is the whole network, and training its rest trains the whole."""

from functools import cache, partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.typing import NDArray

from cxr_tasks.data.images import decode_image
from cxr_tasks.training.batch_norm import with_fused_batch_norm
from cxr_tasks.training.epoch import LabelledImages, TrainingSettings
from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.loop import train
from cxr_tasks.training.networks import build_model
from cxr_tasks.variants import VARIANTS

CACHED = ("mobilenetv2_frozen", "mobilenetv2_partial")
N_TRAIN, N_VAL = 24, 8


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


@pytest.mark.parametrize(
    ("variant", "layer"),
    [
        ("vanilla_cnn", None),
        ("mobilenetv2_frozen", "average"),
        ("mobilenetv2_partial", "block_14_add"),
        ("mobilenetv2_unfrozen", None),
    ],
)
def test_each_variant_is_cut_where_its_frozen_layers_end(variant: str, layer: str | None) -> None:
    cut = cut_frozen_prefix(build_model(VARIANTS[variant], seed=1, backbone_weights=None))
    assert (cut and cut.layer) == layer


def real_images(shared_data: Path) -> LabelledImages:
    """Give a few X-rays of each class."""
    n_each = (N_TRAIN + N_VAL) // 2
    with ZipFile(shared_data / "cxr-324.zip") as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        chosen = [
            name
            for kind in ("COVID/", "NORMAL/")
            for name in [name for name in names if name.startswith(kind)][:n_each]
        ]
        pixels = np.stack([decode_image(archive.read(name)).pixels for name in chosen])
    order = np.random.default_rng(0).permutation(len(pixels))
    labels = np.repeat(np.array([1, 0], np.float32), n_each)
    return LabelledImages(pixels[order], np.arange(len(pixels)), labels[order])


def trained(
    model: Any, values: NDArray[Any], data: LabelledImages, folder: Path, *, learning_rate: float
) -> list[Any]:
    """Train for some epochs and give the last epochs' figures."""
    train_data, val_data = (
        LabelledImages(values, rows, data.labels[rows])
        for rows in (data.rows[:N_TRAIN], data.rows[N_TRAIN:])
    )
    settings = TrainingSettings(
        epochs=4, patience=9, batch_size=8, learning_rate=learning_rate, seed=7
    )
    result = train(
        model,
        train_data,
        val_data,
        settings,
        checkpoint=folder / "checkpoint.npz",
        on_epoch=lambda _: None,
    )
    return [(epoch.loss, epoch.val_loss) for epoch in result.history]


@pytest.mark.slow
@pytest.mark.parametrize("variant", CACHED)
def test_cached_training_of_a_variant_is_training_of_the_whole_network(
    variant: str, shared_data: Path, tmp_path: Path
) -> None:
    weights = shared_data / "mobilenet_v2_imagenet_notop.weights.h5"
    whole, uncached = (
        build_model(VARIANTS[variant], seed=3, backbone_weights=weights) for _ in range(2)
    )
    data = real_images(shared_data)
    check_cached_training(whole, uncached, data, tmp_path, learning_rate=1e-4)


def test_cached_training_is_training_of_the_whole_network(tmp_path: Path) -> None:
    n_images = N_TRAIN + N_VAL
    pixels = np.random.default_rng(0).integers(0, 256, (n_images, 8, 8, 3), dtype=np.uint8)
    labels = (pixels[:, :, :, 0].mean(axis=(1, 2)) > 127).astype(np.float32)
    data = LabelledImages(pixels, np.arange(n_images), labels)
    whole, uncached = partly_frozen(), partly_frozen()
    uncached.set_weights(whole.get_weights())
    check_cached_training(whole, uncached, data, tmp_path, learning_rate=1e-2)


def partly_frozen() -> Any:
    """Build a small network as the variants are: frozen, then trained, and dropped from."""
    from keras import layers

    return small(
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(8, 3, trainable=False),
        layers.BatchNormalization(trainable=False),
        layers.ReLU(),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(momentum=0.7),
        layers.ReLU(),
        layers.Dropout(0.3, seed=3),
    )


def check_cached_training(
    whole: Any, uncached: Any, data: LabelledImages, folder: Path, *, learning_rate: float
) -> None:
    """Train equal networks, one of them by what its frozen layers give, and compare them."""
    cut = cut_frozen_prefix(whole)
    assert cut is not None
    activations = cut.prefix.predict(data.images, verbose=0)

    def assert_one_function() -> None:
        np.testing.assert_allclose(
            cut.rest.predict(activations, verbose=0),
            whole.predict(data.images, verbose=0),
            rtol=0,
            atol=1e-5,
        )

    assert_one_function()
    before = whole.get_weights()
    (folder / "cached").mkdir()
    train_some = partial(trained, data=data, learning_rate=learning_rate)
    figures = train_some(with_fused_batch_norm(cut.rest), activations, folder=folder / "cached")
    assert_one_function()
    frozen = [layer for layer in uncached.layers if not layer.trainable and layer.weights]
    kept = [layer.get_weights() for layer in frozen]
    expected = train_some(uncached, data.images, folder=folder)
    for layer, weights in zip(frozen, kept, strict=True):
        assert all(map(np.array_equal, layer.get_weights(), weights)), layer.name
    assert frozen
    np.testing.assert_allclose(figures, expected, rtol=1e-3, atol=1e-5)
    # Adam divides by a gradient's size, so that where it is about zero rounding decides.
    pairs = zip(before, whole.get_weights(), uncached.get_weights(), strict=True)
    distances = [(norm(ours - theirs), norm(theirs - first)) for first, ours, theirs in pairs]
    apart, moved = np.sum(np.square(distances), axis=0) ** 0.5
    assert moved > 0.1, "the training changed nothing that could have been compared"
    assert apart < 0.01 * moved


@cache
def backbone(kind: str) -> Any:
    """Build another family's network once, small and of random weights."""
    import keras

    image = keras.Input((64, 64, 3), name="image")
    network = getattr(keras.applications, kind)(input_tensor=image, include_top=False, weights=None)
    x = keras.layers.GlobalAveragePooling2D(name="average")(network.output)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    return keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="covid")(x))


@pytest.mark.parametrize(
    ("kind", "first_trainable", "expected"),
    [
        ("ResNet50V2", "conv5_block1_preact_bn", "conv4_block6_out"),
        ("ResNet50V2", "conv5_block2_1_conv", "conv5_block1_out"),
        ("ResNet50V2", "covid", "average"),
        ("EfficientNetB0", "block2a_se_reduce", "block2a_activation"),
        # Its blocks with a shortcut are dropped at random in training, also where they are frozen.
        ("EfficientNetB0", "block6a_expand_conv", "block2a_project_bn"),
    ],
)
def test_other_backbones_are_cut_outside_their_shortcuts(
    kind: str, first_trainable: str, expected: str
) -> None:
    model = backbone(kind)
    names = [layer.name for layer in model.layers]
    for number, layer in enumerate(model.layers):
        layer.trainable = number >= names.index(first_trainable)
    cut = cut_frozen_prefix(model)
    assert cut is not None
    assert cut.layer == expected
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    whole = model(images, training=False)
    parts = cut.rest(cut.prefix([images], training=False), training=False)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-5)
    assert len(cut.rest.trainable_weights) == len(model.trainable_weights)
    assert not cut.prefix.trainable_weights


def small(*layers: Any) -> Any:
    import keras

    x = image = keras.Input((8, 8, 3))
    output = keras.layers.Dense(1, activation="sigmoid", name="covid")
    for layer in (*layers, keras.layers.Flatten(), output):
        x = layer(x)
    return keras.Model(image, x)


def test_what_changes_in_training_is_not_in_the_prefix() -> None:
    from keras import layers

    def convolution(name: str) -> Any:
        return layers.Conv2D(2, 3, trainable=False, name=name)

    # Without scale and offset no gradient reaches it, but its statistics move.
    moving = layers.BatchNormalization(scale=False, center=False)
    for changing in (layers.Dropout(0.5), layers.RandomFlip(), moving):
        cut = cut_frozen_prefix(small(convolution("one"), changing, convolution("two")))
        assert cut is not None
        assert cut.layer == "one"


def test_a_nested_network_is_cut_as_one_layer() -> None:
    import keras

    nested = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()])
    nested.trainable = False
    cut = cut_frozen_prefix(small(nested, keras.layers.Conv2D(1, 3, name="first")))
    assert cut is not None
    assert cut.layer == nested.name
    nested.layers[1].trainable = True
    assert cut_frozen_prefix(small(nested, keras.layers.Conv2D(1, 3))) is None


def test_scaling_alone_is_nothing_to_keep() -> None:
    from keras import layers

    assert cut_frozen_prefix(small(layers.Rescaling(1 / 255), layers.Conv2D(2, 3))) is None
