"""Batch normalisation in training by TensorFlow's fused kernels: the same function, faster.

Keras 3 writes it as a dozen elementwise operations, each of which reads and writes whole maps;
in the unfrozen MobileNetV2 they take more than half of a training step on a CPU. TensorFlow's
own kernel needs one pass forward and one back. Other backends compile and so fuse by themselves.
"""

from typing import Any

Layer = Any
Model = Any
Tensor = Any

_FUSED = "FusedBatchNormalization"


def with_fused_batch_norm(model: Model) -> Model:
    """Give the same network, on the same weights, with what trains fast in training.

    For training only: save the model that was given, which then has the trained weights.

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


def without_fusing(layer: Layer) -> Layer:
    """Return the Keras layer behind one that `with_fused_batch_norm` has put in; others as is."""
    return layer.layer if type(layer).__name__ == _FUSED else layer


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
