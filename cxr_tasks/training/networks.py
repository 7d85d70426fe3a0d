"""The networks of the four variants, exactly as in the study.

Each is one flat graph of named layers, from pixels in [0, 255] to the probability of COVID-19.
Keras is imported inside the functions, so that `start_keras` always comes first.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.training.weights import read_backbone_weights
from cxr_tasks.variants import N_BACKBONE_LAYERS, Variant

Model = Any
"""A keras.Model; Keras ships no types."""
Tensor = Any

IMAGE_SHAPE = (224, 224, 3)
LAST_MAP = "out_relu"
"""The backbone's last layer: the maps that the head averages."""


def build_model(
    variant: Variant,
    *,
    seed: int,
    backbone_weights: Path | None,
    batch_norm_momentum: float | None = None,
) -> Model:
    """Build a variant's network, with its frozen layers frozen.

    The same seed gives every layer of one name and shape the same first weights, whichever
    variant it is in: the three variants with a backbone start from one point.

    Args:
        variant: What to build.
        seed: Decides all weights that no file gives.
        backbone_weights: A file of MobileNetV2 weights without top; None for random ones, which
            `calibrate_batch_norm` then has to make usable.
        batch_norm_momentum: Of the running batch statistics, in [0, 1]; None for Keras' own,
            the study's.

    Returns:
        A model from (n, 224, 224, 3) in [0, 255], uint8 or float, to (n, 1).

    Raises:
        ArtifactError: The weights file is unreadable or belongs to another network.
    """
    import keras

    image = keras.Input(IMAGE_SHAPE, name="image")
    if variant.n_frozen_layers is None:
        features = _vanilla_features(image, variant, seed)
    else:
        features = _backbone_features(image, variant.n_frozen_layers, seed, backbone_weights)
    model = keras.Model(image, _head(features, variant, seed), name=variant.name)
    if batch_norm_momentum is not None:
        for layer in _batch_norms(model):
            layer.momentum = batch_norm_momentum
    return model


def calibrate_batch_norm(model: Model, images: NDArray[Any]) -> None:
    """Set the batch normalisation's statistics to those of some training images.

    Without it a backbone of random weights would, in inference, scale by statistics of nothing.
    Frozen layers are calibrated too. Nothing random: the same images give the same statistics.

    Args:
        model: As `build_model` returns it; changed in place.
        images: Shape (n, 224, 224, 3); training images, all in one pass.
    """
    layers = _batch_norms(model)
    if not layers:
        return
    before = [(layer.momentum, layer.trainable) for layer in layers]
    for layer in layers:
        layer.momentum, layer.trainable = 0.0, True
    _pass_in_training_mode(model, images)
    for layer, (momentum, trainable) in zip(layers, before, strict=True):
        layer.momentum, layer.trainable = momentum, trainable


def augmentation_layers(seed: int) -> list[Any]:
    """Build the layers that change an image in training only; they work on pixels in [0, 1]."""
    from keras import layers

    def seeded(name: str) -> dict[str, Any]:
        return {"seed": seed_of(seed, name), "name": name}

    return [
        layers.RandomFlip("horizontal", **seeded("augment_flip")),
        layers.RandomRotation(0.1, **seeded("augment_rotation")),
        layers.RandomZoom(0.1, **seeded("augment_zoom")),
        # Its default range (0, 255) would let values pass 1.
        layers.RandomContrast(0.1, value_range=(0, 1), **seeded("augment_contrast")),
    ]


def augment(images: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
    """Change images as the augmented variant's training does, for a person to look at."""
    import keras

    changed = keras.ops.convert_to_tensor(images / np.float32(255))
    for layer in augmentation_layers(seed):
        changed = layer(changed, training=True)
    pixels = np.rint(np.array(keras.ops.convert_to_numpy(changed)) * 255)
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def build_backbone(scaled: Tensor, *, seed: int, weights: Path | None) -> Model:
    """Continue a graph by the layers of MobileNetV2 without top.

    Args:
        scaled: Images (n, height, width, 3) in [-1, 1].
        seed: Decides the weights where no file gives them.
        weights: A weights file, or None.

    Raises:
        ArtifactError: The file is unreadable or belongs to another network.
    """
    import keras

    backbone = keras.applications.MobileNetV2(input_tensor=scaled, include_top=False, weights=None)
    if weights is None:
        for layer in backbone.layers:
            if hasattr(layer, "kernel"):  # drawn as Keras would, but from seed and name alone
                layer.kernel.assign(glorot(seed, layer.name)(layer.kernel.shape))
    else:
        backbone.set_weights(read_backbone_weights(weights))
    return backbone


def glorot(seed: int, name: str) -> Any:
    """Return Keras' usual initialiser for a layer's kernel, seeded by the layer's name."""
    import keras

    return keras.initializers.GlorotUniform(seed=seed_of(seed, name))


def seed_of(seed: int, name: str) -> int:
    """Derive a layer's own seed, in [0, 2**31)."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


# Part 1 of every network: from pixels to features.


def _vanilla_features(image: Tensor, variant: Variant, seed: int) -> Tensor:
    from keras import layers

    x = layers.Rescaling(1 / 255, name="rescale")(image)
    for layer in augmentation_layers(seed) if variant.augmented else ():
        x = layer(x)
    for number, (filters, kernel, pool) in enumerate(
        [(32, 5, 3), (64, 3, 2), (128, 3, 2), (128, 3, 2)], start=1
    ):
        name = f"conv{number}"
        x = layers.Conv2D(filters, kernel, kernel_initializer=glorot(seed, name), name=name)(x)
        x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(pool, name=f"{name}_pool")(x)
    return layers.Flatten(name="flatten")(x)


def _backbone_features(
    image: Tensor, n_frozen_layers: int, seed: int, weights: Path | None
) -> Tensor:
    import keras

    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(image)
    backbone = build_backbone(scaled, seed=seed, weights=weights)
    # Keras counts MobileNetV2's own input layer; here the image and its scaling stand before it.
    for layer in backbone.layers[: n_frozen_layers + len(backbone.layers) - N_BACKBONE_LAYERS]:
        # In a frozen layer Keras runs batch normalisation in inference mode.
        layer.trainable = False
    maps = backbone.get_layer(LAST_MAP).output
    return keras.layers.GlobalAveragePooling2D(name="average")(maps)


# Part 2 of every network: from features to a probability.


def _head(features: Tensor, variant: Variant, seed: int) -> Tensor:
    from keras import layers

    x = layers.Dense(128, kernel_initializer=glorot(seed, "dense"), name="dense")(features)
    x = layers.ReLU(name="dense_relu")(x)
    x = layers.Dropout(variant.dropout, seed=seed_of(seed, "dropout"), name="dropout")(x)
    return layers.Dense(
        1, activation="sigmoid", kernel_initializer=glorot(seed, "covid"), name="covid"
    )(x)


def _batch_norms(model: Model) -> list[Any]:
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def _pass_in_training_mode(model: Model, images: NDArray[Any]) -> None:
    """Run images up to the last batch normalisation in training mode, in one compiled pass.

    Calling the model itself would run layer by layer and keep every activation in memory.
    """
    import keras

    maps = keras.Model(model.inputs, model.get_layer(LAST_MAP).output)

    class TrainingMode(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="calibration")
            self.maps = maps  # JAX changes only what is known to belong to the model

        def call(self, images: Tensor) -> Tensor:
            return self.maps(images, training=True)

    TrainingMode().predict_on_batch(images)
