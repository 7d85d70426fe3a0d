"""Radiographs for the page: each a small JPEG inside the page's own text."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

UInt8Array = npt.NDArray[np.uint8]

SIZE_PX = 160
_QUALITY = 82


@dataclass(frozen=True)
class Picture:
    """An image with what stands below it, and what is said in its place to the blind."""

    uri: str
    alt: str
    title: str
    detail: str
    name: str


def data_uri(pixels: UInt8Array, *, size_px: int = SIZE_PX) -> str:
    """Write an image as a small JPEG data URI.

    Args:
        pixels: Shape (height, width, 3).
        size_px: Width and height of the JPEG.
    """
    image = Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.LANCZOS)
    if not np.ptp(pixels, axis=2).any():  # grey: the same picture in fewer bytes
        image = image.convert("L")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
