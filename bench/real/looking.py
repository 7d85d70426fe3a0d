"""Images in memory: grey ones read as colour, and the lungs in them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.lungs.postprocessing import masks_from
from cxr_tasks.lungs.segmenter import load_segmenter, predict_lungs
from cxr_tasks.lungs.store import Lungs

_BATCH_SIZE = 40


@dataclass(frozen=True)
class AsRgb:
    """Grey images read as three equal channels."""

    grey: NDArray[np.uint8]  # shape (n, side, side)

    def __len__(self) -> int:
        return len(self.grey)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        return np.repeat(self.grey[rows][..., None], 3, axis=-1)


def find_lungs(images: Any) -> Lungs:
    """Find the lungs in images, shape (n, side, side, 3), as an audit does."""
    starts = range(0, len(images), _BATCH_SIZE)
    found = [
        masks_from(predict_lungs(_segmenter(), images[start : start + _BATCH_SIZE]))
        for start in starts
    ]
    masks = np.concatenate([each.masks for each in found])
    quality = np.concatenate([each.quality for each in found])
    return Lungs(np.packbits(masks, axis=2), np.zeros(len(masks), np.bool_), quality, key="")


@cache
def _segmenter() -> Any:
    return load_segmenter()
