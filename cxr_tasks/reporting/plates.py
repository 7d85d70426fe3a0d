"""Images that the page shows in several places: each embedded once, as large as there is room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_tasks.reporting.radiographs import UInt8Array, data_uri

SIZES_PX = (224, 192, 160, 128, 96)
MAX_BYTES = 500_000
"""Of all of them together, so that a usual report stays near 1 MB."""
MAX_PLATES = 400
"""As many at most, however small they are."""


@dataclass(frozen=True)
class Plates:
    """Embedded images by their rows in the store; those that there was no room for are absent."""

    uris: Mapping[int, str]
    size_px: int


def embed(images: UInt8Array, rows: Sequence[int], *, max_bytes: int = MAX_BYTES) -> Plates:
    """Embed images in the largest size in which all have room; else in the least, the first ones.

    Args:
        images: The store, shape (n_images, 224, 224, 3).
        rows: Which of them, the most important first; a row that comes again counts once.
        max_bytes: Of all data URIs together.
    """
    wanted = list(dict.fromkeys(rows))[:MAX_PLATES]
    pixels = {row: np.asarray(images[row]) for row in wanted}
    for size_px in SIZES_PX:
        uris = {row: data_uri(each, size_px=size_px) for row, each in pixels.items()}
        if sum(map(len, uris.values())) <= max_bytes:
            return Plates(uris, size_px)
    ends = np.cumsum([len(uri) for uri in uris.values()])
    kept = wanted[: int(np.searchsorted(ends, max_bytes, side="right"))]
    return Plates({row: uris[row] for row in kept}, SIZES_PX[-1])
