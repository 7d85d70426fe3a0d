"""The lung segmenter's network: a small U-Net, what it sees made free of exposure within it."""

from functools import cache
from typing import Any

SIZE_PX = 112
"""Side of what the network sees and of the probabilities it gives: half an image's."""

CHANNELS = (16, 32, 48, 64)
"""Of the maps at 56, 28, 14 and 7 pixels."""

MOMENTUM = 0.9
"""Of the running batch statistics; with Keras' 0.99 they would lag behind so short a training."""

_COARSE, _NEAR_CELLS = 4, 11
"""Local contrast is measured on cells of so many pixels, over so many cells across."""

_LEAST_CONTRAST = 4.0
"""Grey levels; below this a picture counts as flat, and its noise is not blown up."""

Model = Any
Tensor = Any


def build_network(*, seed: int | None = None) -> Model:
    """Build it from grey pictures, shape (n, 112, 112, 1), to logits of lung of the same shape.

    Args:
        seed: Seeds Keras, and so decides the first weights. None where weights are read from a
            file: they are 0 until then, and no random number of the process is drawn.
    """
    import keras
    from keras import layers

    start = "zeros"
    if seed is not None:
        keras.utils.set_random_seed(seed)
        start = "glorot_uniform"
    grey = keras.Input((SIZE_PX, SIZE_PX, 1), name="grey")
    x = _normalised(grey)
    skips = []
    for level, channels in enumerate(CHANNELS):
        x = _convolution(x, channels, start=start, name=f"down_{level}_a", strides=2)
        x = _convolution(x, channels, start=start, name=f"down_{level}_b")
        skips.append(x)
    for level in reversed(range(len(CHANNELS) - 1)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"up_{level}_size")(x)
        x = layers.Concatenate(name=f"up_{level}_both")([x, skips[level]])
        x = _convolution(x, CHANNELS[level], start=start, name=f"up_{level}")
    x = layers.Conv2D(1, 3, padding="same", kernel_initializer=start, name="lung")(x)
    x = layers.UpSampling2D(interpolation="bilinear", name="logits")(x)
    return keras.Model(grey, x, name="lungs")


def _convolution(x: Tensor, channels: int, *, start: str, name: str, strides: int = 1) -> Tensor:
    from keras import layers

    x = layers.Conv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=start,
        name=name,
    )(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _normalised(grey: Tensor) -> Tensor:
    """Return two views of a picture: standardised as a whole, and against what is near."""
    from keras import layers

    image_contrast, local_contrast = _contrast_layers()
    views = [
        image_contrast(name="image_contrast")(grey),
        local_contrast(name="local_contrast")(grey),
    ]
    return layers.Concatenate(name="views")(views)


@cache
def _contrast_layers() -> tuple[Any, Any]:
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable(package="cxr_tasks")
    class ImageContrast(layers.Layer):  # type: ignore[misc]
        """Each picture with mean 0 and standard deviation 1, cut at 3."""

        def call(self, grey: Tensor) -> Tensor:
            centred = grey - ops.mean(grey, axis=(1, 2, 3), keepdims=True)
            variance = ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True)
            return ops.clip(centred / ops.maximum(ops.sqrt(variance), _LEAST_CONTRAST), -3, 3)

    @keras.saving.register_keras_serializable(package="cxr_tasks")
    class LocalContrast(layers.Layer):  # type: ignore[misc]
        """Each pixel against mean and standard deviation of its surroundings, cut at 3."""

        def call(self, grey: Tensor) -> Tensor:
            both = ops.concatenate([grey, ops.square(grey)], axis=-1)
            cells = ops.average_pool(both, _COARSE)
            near = ops.average_pool(cells, _NEAR_CELLS, strides=1, padding="same")
            size = (SIZE_PX, SIZE_PX)
            mean, square = ops.split(ops.image.resize(near, size, "bilinear"), 2, axis=-1)
            spread = ops.sqrt(ops.maximum(square - ops.square(mean), _LEAST_CONTRAST**2))
            return ops.clip((grey - mean) / spread, -3, 3)

    return ImageContrast, LocalContrast
