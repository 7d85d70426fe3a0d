"""What the frozen backbone gives of images in memory, without a run around it."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cxr_tasks.statistics.scores import FloatArray

_BATCH_SIZE = 40


def frozen_features(images: Any, weights: Path | None) -> FloatArray:
    """Return pooled features, shape (n, d), of images, shape (n, side, side, 3).

    Args:
        images: An array, or what slices as one.
        weights: Of MobileNetV2; None for random ones.
    """
    prefix = _prefix(weights)
    found = [
        np.asarray(prefix.predict_on_batch(np.asarray(images[start : start + _BATCH_SIZE])))
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    return np.concatenate(found).astype(np.float64)


@cache
def _prefix(weights: Path | None) -> Any:
    """Build the frozen backbone once a process; a random one is left as it was drawn."""
    from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
    from cxr_tasks.training.keras_runtime import start_keras
    from cxr_tasks.training.networks import build_model
    from cxr_tasks.variants import VARIANTS

    start_keras(threads=1, seed=0, card="")
    model = build_model(VARIANTS["mobilenetv2_frozen"], seed=0, backbone_weights=weights)
    cut = cut_frozen_prefix(model)
    if cut is None:
        raise RuntimeError("mobilenetv2_frozen has no frozen layers")
    return cut.prefix
