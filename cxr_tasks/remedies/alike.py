"""Pictures as if all files had been alike: one size, one compression, one brightness of the lungs.

What one archive's files have in common (sharpness, traces of compression, exposure) then tells as
little as can be had without touching the picture's content. The size is modest on purpose: what a
finer one holds is the archive's grain as much as disease.
"""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_tasks.data.images import IMAGE_SIZE_PX, decode_image
from cxr_tasks.lungs.regions import lung_region
from cxr_tasks.statistics.scores import BoolArray, FloatArray

UInt8Array = NDArray[np.uint8]

SIDE_PX = 128
JPEG_QUALITY = 75

PERCENTILES = (5.0, 95.0)
"""Of the lungs' own grey values; they are brought to `LEVELS`."""

LEVELS = (40.0, 200.0)
"""Of 255. What is darker or brighter than the lungs is mapped likewise, and clipped."""

MAX_GAIN = 8.0
"""So that a mask which lies on an even ground makes no noise of it."""


def as_alike(image: UInt8Array, lungs: BoolArray) -> tuple[UInt8Array, int]:
    """Encode an image as every other one, and decode it.

    Args:
        image: Shape (224, 224, 3).
        lungs: Shape (224, 224); where it is empty, a rectangle stands for them.

    Returns:
        The picture, shape (224, 224, 3), and how many bytes its file has.
    """
    grey = np.asarray(Image.fromarray(image).convert("L")).astype(np.float64)
    file = _encoded(_of_one_brightness(grey, lungs))
    small = Image.open(io.BytesIO(file)).convert("RGB")
    side = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    return np.asarray(small.resize(side, Image.Resampling.BILINEAR)), len(file)


@cache
def file_facts() -> dict[str, object]:
    """Return what is equal of all such files, as columns of `index.csv`."""
    row = np.linspace(0, 255, IMAGE_SIZE_PX, dtype=np.uint8)
    decoded = decode_image(_encoded(np.tile(row, (IMAGE_SIZE_PX, 1))))
    return {name: each for name, each in vars(decoded).items() if name not in ("pixels", "phash")}


def makes_equal(remedy: str, control: str) -> bool:
    """Whether a control sees nothing but `file_facts` of images that a remedy has encoded alike."""
    return remedy in ("alike", "both") and control == "metadata"


def _of_one_brightness(grey: FloatArray, lungs: BoolArray) -> UInt8Array:
    """Bring the lungs' own percentiles to fixed levels, by one straight line for all of it."""
    seen = grey[lungs if lungs.any() else lung_region(lungs)]
    low, high = np.percentile(seen, PERCENTILES)
    gain = min(MAX_GAIN, (LEVELS[1] - LEVELS[0]) / max(high - low, 1.0))
    mapped: UInt8Array = np.rint(LEVELS[0] + gain * (grey - low)).clip(0, 255).astype(np.uint8)
    return mapped


def _encoded(grey: UInt8Array) -> bytes:
    file = io.BytesIO()
    small = Image.fromarray(grey).resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
    small.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
