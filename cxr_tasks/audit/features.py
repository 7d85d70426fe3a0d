"""What each control sees: file metadata, coarse intensity, frozen features of masked images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.images import CENTRE
from cxr_tasks.runs.ingest_record import IngestFacts
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths

Model = Any
UInt8Array = NDArray[np.uint8]

THUMBNAIL_SIDE_PX = 8
BORDER_FRACTION = 0.1
N_LANDMARKS = 1000

_MEASURED = {
    "width": "width",
    "height": "height",
    "aspect ratio": "aspect",
    "file size": "bytes",
    "JPEG quantisation": "jpeg_quantization",
}
_NAMED = {
    "colour mode": "mode",
    "file format": "format",
    "JPEG tables": "jpeg_tables",
    "bit depth": "depth",
}
_RAREST = 3  # a value that fewer images have says nothing that can be learned
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

    centre_blacked_out: FloatArray
    border_blacked_out: FloatArray
    whole_image: FloatArray


def metadata_table(index: pd.DataFrame) -> pd.DataFrame:
    """Return what a file says without its picture: sizes as ranks in [-1, 1], kinds as 0 or 1."""
    known = index.assign(aspect=index["width"] / index["height"])
    columns: dict[str, FloatArray] = {
        title: 2 * (rankdata(known[name]) - 1) / max(1, len(known) - 1) - 1
        for title, name in _MEASURED.items()
    }
    for title, name in _NAMED.items():
        counts = known[name].value_counts().sort_index()
        for value in counts.index[counts >= _RAREST]:
            columns[f"{title} {value or 'none'}"] = (known[name] == value).to_numpy(np.float64)
    return _varying(pd.DataFrame(columns))


def intensity_table(images: Iterable[UInt8Array]) -> pd.DataFrame:
    """Return what is left of the pictures from far away: mean, spread, border strips, thumbnail."""
    return _varying(pd.DataFrame([_intensity(image) for image in images]))


def _intensity(image: UInt8Array) -> dict[str, float]:
    grey = image.mean(axis=2)
    edge = round(BORDER_FRACTION * len(grey))
    strips = {
        "top": grey[:edge],
        "bottom": grey[-edge:],
        "left": grey[:, :edge],
        "right": grey[:, -edge:],
    }
    side = (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    thumbnail = np.asarray(
        Image.fromarray(grey.astype(np.float32)).resize(side, Image.Resampling.BOX)
    )
    return {
        "mean": float(grey.mean()),
        "spread": float(grey.std()),
        **{f"border at the {name}": float(strip.mean()) for name, strip in strips.items()},
        **{
            f"thumbnail, row {row + 1} column {column + 1}": float(value)
            for (row, column), value in np.ndenumerate(thumbnail)
        },
    }


def _varying(table: pd.DataFrame) -> pd.DataFrame:
    values = table.to_numpy()
    varying: pd.DataFrame = table.loc[:, (values != values[0]).any(axis=0)]
    return varying


def standardised(values: FloatArray) -> FloatArray:
    """Scale columns to mean 0 and spread 1, and all to a mean square length of 1."""
    spread = values.std(axis=0)
    varying = spread > 0
    if not varying.any():
        return np.zeros((len(values), 1))
    scaled: FloatArray = (values[:, varying] - values[:, varying].mean(axis=0)) / spread[varying]
    scaled /= np.sqrt(scaled.shape[1])
    return scaled


def with_interactions(values: FloatArray, *, seed: int) -> FloatArray:
    """Add features that see several columns together: a Gaussian kernel's, by landmarks.

    Williams & Seeger 2000, "Using the Nyström method to speed up kernel machines". Exact where
    there are no more images than landmarks. The kernel's width is the median distance.

    Args:
        values: Shape (n, d), standardised.
        seed: Decides the landmarks.

    Returns:
        Shape (n, d + m): linear features and the kernel's, each half of the length.
    """
    n = len(values)
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:N_LANDMARKS])
    landmarks = values[chosen]
    among = cdist(landmarks, landmarks, "sqeuclidean")
    width = float(np.median(among[among > 0])) if (among > 0).any() else 1.0
    sizes, directions = np.linalg.eigh(np.exp(-among / width))
    kept = sizes > 1e-6 * sizes[-1]
    root = directions[:, kept] / np.sqrt(sizes[kept])
    kernel = np.exp(-cdist(values, landmarks, "sqeuclidean") / width)
    joined: FloatArray = np.hstack([values, kernel @ root]) / np.sqrt(2)
    return joined


def masked_features(inputs: AuditInputs) -> MaskedFeatures:
    """Run the frozen variant's backbone on every image, whole and masked; cached as a training's.

    On the CPU, so that it takes no card from a training. The centre is what lies between
    `data.images.CENTRE` of width and height.
    """
    found = {}
    for name, network in masked_networks(frozen_prefix(inputs)).items():
        inputs.note(f"control {name.replace('_', ' ')}")
        values = run_frozen(network, inputs.dataset, inputs)
        found[name] = np.asarray(values, dtype=np.float64)
    return MaskedFeatures(**found)


def run_frozen(network: Model, dataset: Dataset, inputs: AuditInputs) -> NDArray[np.float32]:
    """Return what a frozen network gives for every image of a data set; cached."""
    from cxr_tasks.training.activations import frozen_activations

    return frozen_activations(
        network,
        dataset,
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


def masked_networks(prefix: Model) -> dict[str, Model]:
    """Build networks that mask the image first; by layers, which the cache tells apart."""
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
