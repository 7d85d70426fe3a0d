"""A frozen backbone's view of each image: whole, without the lungs, and of the lungs alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.lungs.regions import PaintedImages
from cxr_tasks.lungs.store import Lungs, find_lungs
from cxr_tasks.runs.ingest_record import IngestFacts
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.source_code import source_digest

Model = Any

_VARIANT = VARIANTS["mobilenetv2_frozen"]


@dataclass(frozen=True)
class AuditInputs:
    """What an audit is made from."""

    run: RunPaths  # whose home has weights, activations, and the champion with its data set
    config: RunConfig
    dataset: Dataset  # the images with their index
    split: pd.DataFrame  # the part of each image
    # in which fold each image is tested, shape (n,), where the run has folds
    folds: IntArray | None
    ingested: IngestFacts  # what the run began with; names weights and champion
    # returns the fingerprint of the champion's data set; raises CxrError where that version cannot
    # be read
    champion_dataset: Callable[[], str]
    note: Callable[[str], None]  # called with what a watching person wants to know


@dataclass(frozen=True)
class MaskedFeatures:
    """A frozen backbone's pooled features, each shape (n, d): of whole and of masked images."""

    outside_lungs: FloatArray
    inside_lungs: FloatArray
    whole_image: FloatArray


def lungs_of(inputs: AuditInputs) -> Lungs:
    """Start Keras on the CPU, and find the lungs in every image; cached."""
    from cxr_tasks.training.keras_runtime import start_keras

    start_keras(threads=inputs.config.threads, seed=inputs.config.seed, card="")
    return find_lungs(
        inputs.dataset,
        home=inputs.run.home,
        config_fingerprint=inputs.config.fingerprint,
        seed=inputs.config.seed,
        note=inputs.note,
    )


def masked_features(inputs: AuditInputs, lungs: Lungs) -> MaskedFeatures:
    """Run the frozen variant's backbone on every image, whole and masked; cached as a training's.

    On the CPU, so that it takes no card from a training.
    """
    prefix, dataset = frozen_prefix(inputs), inputs.dataset
    found = {}
    for name, images in masked_images(dataset.images, lungs).items():
        inputs.note(f"control {name.replace('_', ' ')}")
        digests = {"images": dataset.images_digest}
        if images is not dataset.images:
            digests |= {"view": name, "lungs": lungs.key, "code": source_digest("lungs")}
        values = run_frozen(prefix, images, inputs, digests=digests)
        found[name] = np.asarray(values, dtype=np.float64)
    return MaskedFeatures(**found)


def masked_images(images: Any, lungs: Lungs) -> dict[str, Any]:
    """Return the images as each field of `MaskedFeatures` sees them, masked as they are read."""
    return {
        "outside_lungs": PaintedImages(images, lungs.region, equalise=True),
        "inside_lungs": PaintedImages(images, lungs.outside),
        # last: a training that runs beside the audit computes the same, and has done so by then
        "whole_image": images,
    }


def run_frozen(
    network: Model, images: Any, inputs: AuditInputs, *, digests: Mapping[str, str]
) -> NDArray[np.float32]:
    """Return what a frozen network gives for every image; cached under the images' digests."""
    from cxr_tasks.training.activations import frozen_activations

    return frozen_activations(
        network,
        images,
        inputs=digests,
        home=inputs.run.home,
        config_fingerprint=inputs.config.fingerprint,
        seed=inputs.config.seed,
        note=inputs.note,
    ).values


def frozen_prefix(inputs: AuditInputs) -> Model:
    """Start Keras on the CPU, and build the frozen variant's network from image to features."""
    from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
    from cxr_tasks.training.keras_runtime import start_keras
    from cxr_tasks.training.task import TrainingTask

    config = inputs.config
    start_keras(threads=config.threads, seed=config.seed, card="")
    task = TrainingTask(
        inputs.run,
        config,
        variant=_VARIANT,
        dataset=inputs.dataset,
        ingested=inputs.ingested,
        split=inputs.split,
        seed=config.seed,
    )
    cut = cut_frozen_prefix(task.build())
    if cut is None:
        raise RuntimeError(f"{_VARIANT.name} has no frozen layers")
    return cut.prefix
