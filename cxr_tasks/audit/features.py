"""What each control is given to see: file metadata, coarse intensity, masked frozen features."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.float64]
UInt8Array = npt.NDArray[np.uint8]

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


def metadata_table(index: pd.DataFrame) -> pd.DataFrame:
    """Give what a file says without its picture: sizes as ranks in [-1, 1], kinds as 0 or 1."""
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
    """Give what is left of the pictures from far away: mean, spread, border strips, thumbnail."""
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
