"""Grad-CAM: which places of an image speak for the class that a model predicts.

The one module beside `training.fused_batch_norm` that names TensorFlow: Keras 3 has no public
gradient. With another backend nothing is explained.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from cxr_tasks.statistics.scores import FloatArray

Layer = Any
Model = Any

SIDE_PX = 224
BATCH_SIZE = 8
"""All that a network computes on the way stays in memory until its maps are there."""


class Images(Protocol):
    """Images that are read some at a time: an array, or chosen rows of a store."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, places: slice, /) -> Any:
        """Return some, shape (b, 224, 224, 3)."""


@dataclass(frozen=True)
class GradCam:
    """A network taken apart at its last maps, on the network's own weights."""

    layer: str  # name of the layer whose maps are looked at
    maps_of: Model  # from images to its maps, (n, height, width, channels)
    before_logit: Model  # from the maps to what the last layer is given
    last: Layer  # the last layer: one unit with a sigmoid

    @classmethod
    def of(cls, model: Model) -> "GradCam":
        """Take a network apart: image in, one probability out."""
        import keras

        last = model.layers[-1]
        layer = next(layer for layer in reversed(model.layers) if _has_last_maps(layer))
        return cls(
            layer.name,
            keras.Model(model.inputs, layer.output),
            keras.Model(layer.output, last.input),
            last,
        )

    def maps(self, images: Images, signs: FloatArray) -> FloatArray:
        """Compute the evidence for COVID-19, or against it, at every place.

        Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74, with gradients that are not averaged over
        places (HiResCAM, Draelos & Carin 2020, arXiv 2011.08891). After global average pooling
        the two are the same; a head on flattened maps tells places apart, and there the average
        would colour places that it ignores. What speaks against the class is cut off. The score
        is the logit: a sigmoid that is sure has no gradient left.

        Args:
            images: Shape (n, 224, 224, 3), n > 0.
            signs: Shape (n,); 1 for evidence for COVID-19, -1 for evidence for normal.

        Returns:
            Shape (n, height, width), not negative, in the resolution of the maps.
        """
        n = len(images)
        found: FloatArray = np.zeros((n, *self.maps_of.output.shape[1:3]))
        for start in range(0, n, BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            # Not by `predict_on_batch`: a graph of its own would be traced for few images.
            maps = self.maps_of([np.asarray(images[batch])], training=False)
            found[batch] = self.evidence(maps, signs[batch])
        return found

    def evidence(self, last_maps: Any, signs: FloatArray) -> FloatArray:
        """Compute the evidence in what `maps_of` gave, as `maps` does for images.

        Args:
            last_maps: Shape (n, height, width, channels).
            signs: Shape (n,).
        """
        import tensorflow as tf

        maps = tf.convert_to_tensor(last_maps)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            features = self.before_logit(maps, training=False)
            logit = tf.linalg.matmul(features, self.last.kernel) + self.last.bias
        gradients = np.asarray(tape.gradient(logit, maps), dtype=np.float64)
        for_covid = (gradients * np.asarray(maps)).sum(axis=-1)
        evidence: FloatArray = np.maximum(signs[:, None, None] * for_covid, 0)
        return evidence


def can_explain() -> bool:
    """Check whether the backend of this process gives gradients."""
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def enlarge(attention: FloatArray, *, side_px: int = SIDE_PX) -> FloatArray:
    """Bring one map, (height, width), to the size of the image, bilinear."""
    small = Image.fromarray(attention.astype(np.float32))
    large = small.resize((side_px, side_px), Image.Resampling.BILINEAR)
    return np.asarray(large, dtype=np.float64)


def _has_last_maps(layer: Layer) -> bool:
    """Whether a layer gives maps, and not only smaller ones of what the layer before it gave."""
    size, size_before = _map_size(layer.output), _map_size(layer.input)
    only_pools = not layer.weights and size < size_before
    return size > (1, 1) and not only_pools


def _map_size(tensors: Any) -> tuple[int, ...]:
    """Return height and width of maps; nothing of what is no map."""
    shape = getattr(tensors, "shape", ())
    return tuple(shape[1:3]) if len(shape) == 4 else ()
