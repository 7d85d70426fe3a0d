"""Frozen features of images with a part blacked out: what a network can tell without it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.images import CENTRE
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record

_VARIANT = "mobilenetv2_frozen"
Model = Any
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MaskedFeatures:
    """A frozen backbone's pooled features, each shape (n, d): of whole and of masked images."""

    whole_image: FloatArray
    centre_blacked_out: FloatArray
    border_blacked_out: FloatArray


def masked_features(
    run: RunPaths,
    config: RunConfig,
    *,
    dataset: Dataset,
    split: pd.DataFrame,
    ingested: Record,
    note: Callable[[str], None],
) -> MaskedFeatures:
    """Run the frozen variant's backbone on every image, whole and masked; cached as a training's.

    On the CPU, so that it takes no card from a training. The centre is what lies between
    `data.images.CENTRE` of width and height.
    """
    from cxr_tasks.training.activations import frozen_activations

    prefix = frozen_prefix(run, config, dataset=dataset, split=split, ingested=ingested)
    found = {}
    for name, network in masked_networks(prefix).items():
        note(f"control {name.replace('_', ' ')}")
        activations = frozen_activations(
            network,
            dataset,
            home=run.home,
            config_fingerprint=config.fingerprint,
            seed=config.seed,
            note=note,
        )
        found[name] = np.asarray(activations.values, dtype=np.float64)
    return MaskedFeatures(**found)


def frozen_prefix(
    run: RunPaths, config: RunConfig, *, dataset: Dataset, split: pd.DataFrame, ingested: Record
) -> Model:
    """Start Keras on the CPU, and build the frozen variant's network from image to features."""
    from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
    from cxr_tasks.training.keras_runtime import start_keras
    from cxr_tasks.training.task import TrainingTask
    from cxr_tasks.variants import VARIANTS

    start_keras(threads=config.threads, seed=config.seed, card="")
    task = TrainingTask(
        run,
        config,
        variant=VARIANTS[_VARIANT],
        dataset=dataset,
        ingested=ingested,
        split=split,
        seed=config.seed,
    )
    cut = cut_frozen_prefix(task.build())
    if cut is None:
        raise RuntimeError(f"{_VARIANT} has no frozen layers")
    return cut.prefix


def masked_networks(prefix: Model) -> dict[str, Model]:
    """Put masks before a network; as layers, so that the cache knows them by."""
    import keras

    image = keras.Input(prefix.inputs[0].shape[1:], name="image")
    edges = [(low, size - high) for low, high, size in map(_centre_px, image.shape[1:3])]
    centre = keras.layers.Cropping2D(edges, name="crop_to_centre")(image)
    without_border = keras.layers.ZeroPadding2D(edges, name="black_border")(centre)
    without_centre = keras.layers.Subtract(name="black_centre")([image, without_border])
    return {
        "centre_blacked_out": keras.Model(image, prefix(without_centre)),
        "border_blacked_out": keras.Model(image, prefix(without_border)),
        # last: a training that runs beside the audit computes the same, and has done so by then
        "whole_image": prefix,
    }


def _centre_px(size: int) -> tuple[int, int, int]:
    low, high = (round(fraction * size) for fraction in CENTRE)
    return low, high, size
