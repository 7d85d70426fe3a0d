"""Batch normalisation in training: by TensorFlow's fused kernels, and statistics without lag.

Keras 3 writes it as a dozen elementwise operations, each of which reads and writes whole maps;
in the unfrozen MobileNetV2 they take more than half of a training step on a CPU. TensorFlow's
own kernel needs one pass forward and one back. Other backends compile and so fuse by themselves.

Validation normalises by running statistics, which each step moves by a small part towards those of
its batch. After n steps with momentum m they are

    after = m^n * before + (1 - m) * sum over k of m^(n-1-k) * batch_k

so (after - m^n * before) / (1 - m^n) is a mean of what the epoch's batches had, the later ones
counting a little more: two copies of the running statistics give it, no image has to be seen again.
It is where the running statistics would come to rest if the weights stood still. That this should
be looked at: Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021 (arXiv 2105.07576).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.training.checkpoint import Arrays, assign, copies_of

Layer = Any
Model = Any
Tensor = Any

_FUSED = "FusedBatchNormalization"
_STATISTICS = ("moving_mean", "moving_variance")


def with_fused_batch_norm(model: Model) -> Model:
    """Return the same network, on the same weights, with batch normalisation that trains fast.

    For training only: save the model that came in, which then has the trained weights.

    Args:
        model: A functional model. Layers that are frozen, or whose maps are not
            (n, height, width, channels), stay Keras' own.

    Returns:
        A model that shares every layer with `model`; on other backends `model` itself.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return model
    fused = _fused_layer_class()

    def share(layer: Layer) -> Layer:
        return fused(layer) if _can_be_fused(layer) else layer

    return keras.models.clone_model(model, clone_function=share)


class RunningStatistics:
    """The running statistics that training moves in a model, fused or not.

    False where nothing moves any: without batch normalisation, or where it is frozen.
    """

    def __init__(self, model: Model) -> None:
        layers = [
            layer.layer if type(layer).__name__ == _FUSED else layer for layer in model.layers
        ]
        self._layers = [layer for layer in layers if _moves(layer)]
        self._variables = tuple(
            getattr(layer, name) for layer in self._layers for name in _STATISTICS
        )

    def __bool__(self) -> bool:
        return bool(self._layers)

    def copies(self) -> Arrays:
        """Copy them: of each layer the mean and the variance."""
        return copies_of(self._variables)

    def of_epoch(self, before: Arrays, *, n_steps: int) -> Arrays:
        """Return what they would be without lag, after an epoch.

        Args:
            before: What `copies` returned at the epoch's beginning.
            n_steps: Steps since then, at least one.
        """
        momenta = [layer.momentum for layer in self._layers for _ in _STATISTICS]
        means = [
            mean_of_batches(first, last, momentum=momentum, n_steps=n_steps)
            for first, last, momentum in zip(before, self.copies(), momenta, strict=True)
        ]
        lowest = (-np.inf, 0.0) * len(self._layers)  # rounding may leave a variance below 0
        return tuple(map(np.maximum, means, map(np.float32, lowest)))

    @contextmanager
    def replaced(self, statistics: Arrays) -> Iterator[None]:
        """Let a model compute with other statistics; then it has its own again, bit for bit."""
        own = self.copies()
        try:
            assign(self._variables, statistics)
            yield
        finally:
            assign(self._variables, own)


def mean_of_batches(
    before: NDArray[np.float32], after: NDArray[np.float32], *, momentum: float, n_steps: int
) -> NDArray[np.float32]:
    """Recover from a running statistic what the batches in between had on average.

    Batch k of n weighs momentum^(n-1-k), which at 0.999 is nearly the same for all, and at 0.7
    leaves the last few: there the running statistic itself hardly lags.

    Args:
        before: The running statistic before the steps; any shape.
        after: The same after them. Rounding of both is multiplied by 1 / (1 - momentum^n_steps):
            125 for the study's 8 steps an epoch, which leaves about four digits.
        momentum: In [0, 1).
        n_steps: At least 1.
    """
    # As single precision has them, they do not add up to 1; what is small is divided by later.
    kept, taken = (float(np.float32(part)) for part in (momentum, 1.0 - momentum))
    remains, weight = kept**n_steps, taken * sum(kept**k for k in range(n_steps))
    moved = after.astype(np.float64) - remains * before.astype(np.float64)
    return np.asarray(moved / weight, np.float32)


def _moves(layer: Layer) -> bool:
    import keras

    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    return is_norm and layer.trainable and layer.momentum < 1


def _can_be_fused(layer: Layer) -> bool:
    import keras

    return (
        isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
        and layer.scale
        and layer.center
        and not layer.renorm
        and layer.axis in (-1, 3)
        and len(layer.output.shape) == 4
    )


def _fused_layer_class() -> Any:
    import keras
    import tensorflow as tf

    class FusedBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
        """Runs a Keras layer's training step on the fused kernel; in inference the layer itself."""

        def __init__(self, layer: Layer) -> None:
            super().__init__(name=layer.name, dtype=layer.dtype_policy, autocast=False)
            self.layer = layer
            self.built = True

        def call(self, maps: Tensor, training: bool | None = None, mask: None = None) -> Tensor:
            if not training:
                return self.layer(maps, training=False, mask=mask)
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=keras.ops.cast(maps, self.compute_dtype),
                scale=tf.convert_to_tensor(self.layer.gamma),
                offset=tf.convert_to_tensor(self.layer.beta),
                mean=tf.zeros([0]),
                variance=tf.zeros([0]),
                epsilon=self.layer.epsilon,
                is_training=True,
            )
            # The kernel's variance is for the running statistics and unbiased; Keras' is not.
            n_values = tf.cast(tf.reduce_prod(tf.shape(maps)[:3]), variance.dtype)
            self._move(self.layer.moving_mean, mean)
            self._move(self.layer.moving_variance, variance * ((n_values - 1) / n_values))
            return outputs

        def _move(self, statistic: Any, now: Tensor) -> None:
            momentum = self.layer.momentum
            statistic.assign(statistic * momentum + now * (1.0 - momentum))

    return FusedBatchNormalization
