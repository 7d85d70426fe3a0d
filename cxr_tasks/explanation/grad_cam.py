"""Grad-CAM: which parts of an image speak for the class that a model predicts."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Model = Any

_BATCH_SIZE = 32


class Images(Protocol):
    """Images that are read some at a time: an array, or chosen rows of a store."""

    def __len__(self) -> int:
        """Say how many there are."""

    def __getitem__(self, places: slice, /) -> Any:
        """Give some, shape (b, 224, 224, 3)."""


@dataclass(frozen=True)
class GradCam:
    """A network taken apart at its last maps.

    Attributes:
        layer: Name of the layer whose maps are looked at.
        maps_of: From images to its maps, (n, height, width, channels).
        before_logit: From the maps to what the last layer is given.
        last: The last layer: one unit with a sigmoid.
    """

    layer: str
    maps_of: Model
    before_logit: Model
    last: Any

    @classmethod
    def of(cls, model: Model) -> "GradCam":
        """Take a network apart: image in, one probability out."""
        import keras

        last = model.layers[-1]
        layer = next(layer for layer in reversed(model.layers) if _gives_maps(layer))
        return cls(
            layer.name,
            keras.Model(model.inputs, layer.output),
            keras.Model(layer.output, last.input),
            last,
        )

    def maps(self, images: Images, signs: FloatArray) -> FloatArray:
        """Give the evidence for COVID-19, or against it, at every place.

        Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74: each map is weighted by the mean gradient
        of the score over its places, and what speaks against the class is cut off. The score is
        the logit: a sigmoid that is sure has no gradient left. With the TensorFlow backend only,
        since Keras has no public gradient.

        Args:
            images: Shape (n, 224, 224, 3).
            signs: Shape (n,); 1 for evidence for COVID-19, -1 for evidence for normal.

        Returns:
            Shape (n, height, width), not negative, in the resolution of the maps.
        """
        found = [
            self._maps_of_batch(
                np.asarray(images[start : start + _BATCH_SIZE]), signs[start : start + _BATCH_SIZE]
            )
            for start in range(0, len(images), _BATCH_SIZE)
        ]
        return np.concatenate(found)

    def _maps_of_batch(self, images: NDArray[np.uint8], signs: FloatArray) -> FloatArray:
        import tensorflow as tf

        maps = tf.convert_to_tensor(self.maps_of.predict_on_batch(images))
        with tf.GradientTape() as tape:
            tape.watch(maps)
            features = self.before_logit(maps, training=False)
            logit = tf.linalg.matmul(features, self.last.kernel) + self.last.bias
        gradients = np.asarray(tape.gradient(logit, maps), dtype=np.float64)
        weights = signs[:, None, None, None] * gradients.mean(axis=(1, 2), keepdims=True)
        evidence: FloatArray = np.maximum((weights * np.asarray(maps)).sum(axis=-1), 0)
        return evidence


def can_explain() -> bool:
    """Say whether the backend of this process gives gradients."""
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def _gives_maps(layer: Any) -> bool:
    shape = getattr(layer.output, "shape", ())
    return len(shape) == 4 and None not in shape[1:3] and min(shape[1:3]) > 1
