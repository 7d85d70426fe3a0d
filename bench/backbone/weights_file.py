"""The backbone as a file that Keras loads: half the bytes, the same from the same weights."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

Model = Any

_SMALL = 256  # of so few numbers, packing would cost more than it saves


def write_weights(backbone: Model, path: Path) -> None:
    """Write a backbone's weights without top.

    Kernels in half precision, of which training and prediction do not notice the rest; what batch
    normalisation divides by in single precision, since half of it has too small a range.

    Args:
        backbone: MobileNetV2 without top, of any input size.
        path: Ends with `.weights.h5`.
    """
    import keras

    network = keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None
    )
    network.set_weights(backbone.get_weights())
    write_packed(network, path)


def write_packed(network: Model, path: Path) -> None:
    """Write any network's weights with its kernels in half precision."""
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.weights.h5"
        network.save_weights(whole)
        with h5py.File(whole) as source, h5py.File(path, "w") as target:
            _copy(source, target)


def _copy(source: Any, target: Any) -> None:
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name))
            continue
        values = item[()]
        if np.ndim(values) > 1:
            values = values.astype(np.float16)
        packing = {"compression": "gzip", "shuffle": True, "chunks": values.shape}
        whole = packing if np.size(values) > _SMALL else {}
        copy = target.create_dataset(name, data=values, track_times=False, **whole)
        copy.attrs.update(item.attrs)
