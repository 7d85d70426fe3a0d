"""The lung segmenter that comes with the project, ready to run on stored images."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.lungs.network import SIZE_PX, build_network

OWN_WEIGHTS = Path(__file__).with_name("lungs-phantom-1.weights.h5")
"""Made by `python -m bench.lungs` from drawn chests; the number goes up with each making."""

IMAGE_SIZE_PX = 2 * SIZE_PX
BATCH_SIZE = 32
"""Images at once; another number would be another trace."""

Model = Any
Tensor = Any


def load_segmenter(weights: Path = OWN_WEIGHTS) -> Model:
    """Return the segmenter: from images to the probability that a place is lung.

    What hides lung (heart, opacities) counts as lung where lung is behind it. The mean of an image
    and its mirror image is taken.

    Args:
        weights: As `python -m bench.lungs` writes them.

    Returns:
        A model from images, uint8, shape (n, 224, 224, 3), to float32, shape (n, 112, 112, 1).
        Its layers have names of their own, so that its JSON is the same in every process.
    """
    network = build_network()
    network.load_weights(weights)
    return segmenter_of(network)


def segmenter_of(network: Model) -> Model:
    """Return the segmenter that a network makes, as `build_network` built it."""
    import keras

    halved, mirrored_mean = _end_layers()
    image = keras.Input((IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype="uint8", name="image")
    both = halved(name="grey_and_mirrored")(image)
    lung = mirrored_mean(name="lung_probability")(network(both))
    segmenter = keras.Model(image, lung, name="lung_segmenter")
    segmenter.trainable = False
    return segmenter


def predict_lungs(segmenter: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of lung of images, in full batches: how many changes no number.

    Args:
        segmenter: As `load_segmenter` returns it.
        images: Shape (n, 224, 224, 3), n > 0.

    Returns:
        Shape (n, 112, 112, 1).
    """
    n = len(images)
    filled = np.resize(np.arange(n), -(-n // BATCH_SIZE) * BATCH_SIZE)
    batches = filled.reshape(-1, BATCH_SIZE)
    found = [np.asarray(segmenter.predict_on_batch(images[batch])) for batch in batches]
    return np.concatenate(found)[:n]


@cache
def _end_layers() -> tuple[Any, Any]:
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable(package="cxr_tasks")
    class GreyAndMirrored(layers.Layer):  # type: ignore[misc]
        """Images in grey and half the size, and then their mirror images: (2n, 112, 112, 1)."""

        def call(self, image: Tensor) -> Tensor:
            grey = ops.mean(ops.cast(image, "float32"), axis=-1, keepdims=True)
            small = ops.average_pool(grey, 2)
            return ops.concatenate([small, ops.flip(small, axis=2)], axis=0)

    @keras.saving.register_keras_serializable(package="cxr_tasks")
    class MirroredMean(layers.Layer):  # type: ignore[misc]
        """The probability from an image's logits and its mirror image's."""

        def call(self, logits: Tensor) -> Tensor:
            first, mirrored = ops.split(logits, 2, axis=0)
            return ops.sigmoid((first + ops.flip(mirrored, axis=2)) / 2)

    return GreyAndMirrored, MirroredMean
