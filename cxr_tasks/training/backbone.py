"""MobileNetV2 without top, with weights from a file or from a seed."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import ArtifactError

Model = Any
Tensor = Any

LAST_MAP = "out_relu"
"""The backbone's last layer: the maps that the head averages."""

_N_PARAMETERS = 2_257_984


def build_backbone(scaled: Tensor, *, seed: int, weights: Path | None) -> Model:
    """Continue a graph by the backbone's layers.

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
        _randomise(backbone, seed)
    else:
        backbone.set_weights(_read_weights(weights))
    return backbone


def glorot(seed: int, name: str) -> Any:
    """Give Keras' usual initialiser for a layer's kernel, seeded by the layer's name."""
    import keras

    return keras.initializers.GlorotUniform(seed=seed_of(seed, name))


def seed_of(seed: int, name: str) -> int:
    """Derive a layer's own seed, in [0, 2**31)."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def first_line(err: Exception) -> str:
    """Give the beginning of what Keras says, which goes on with advice to programmers."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")


def _randomise(backbone: Model, seed: int) -> None:
    """Draw the kernels as Keras would, but from the seed and the layer's name alone."""
    for layer in backbone.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(glorot(seed, layer.name)(layer.kernel.shape))


def _read_weights(path: Path) -> list[NDArray[Any]]:
    """Read the weights file into the network that it was written from, input layer and all.

    Keras leaves weights that a file does not give as they were, with a warning for each group
    of layers; what is still no number afterwards was not in the file.
    """
    import keras

    network = keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None
    )
    network.set_weights([np.full(weight.shape, np.nan) for weight in network.weights])
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as err:
        raise _no_backbone(path, first_line(err)) from err
    weights: list[NDArray[Any]] = network.get_weights()
    n_missing = sum(not np.isfinite(weight).all() for weight in weights)
    if n_missing:
        raise _no_backbone(path, f"{n_missing} of its {len(weights)} weights are no numbers")
    return weights


def _no_backbone(path: Path, reason: str) -> ArtifactError:
    return ArtifactError(
        f"{path} holds no weights for this backbone: {reason}.",
        f"It has to be a Keras file of MobileNetV2 1.0 without top "
        f"({_N_PARAMETERS:,} parameters), named *.weights.h5 or *.h5.",
        "Name another file with weights=PATH, or leave weights empty for Keras' own.",
    )
