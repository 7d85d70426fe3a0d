"""The remedies that change pictures, each as images that are read row by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.lungs.regions import PaintedImages
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.remedies.alike import JPEG_QUALITY, SIDE_PX, as_alike

UInt8Array = NDArray[np.uint8]
PictureRemedy = Literal["lungs", "alike", "both"]

_LIMITED = "limited to the lungs, all else painted over"
_ALIKE = f"grey, {SIDE_PX} pixels wide, one JPEG of quality {JPEG_QUALITY}, lungs of one brightness"

DONE: dict[PictureRemedy, str] = {
    "lungs": _LIMITED,
    "alike": f"re-encoded alike ({_ALIKE})",
    "both": f"re-encoded alike ({_ALIKE}) and {_LIMITED}",
}
"""What was done to each image, for a person."""


@dataclass(frozen=True)
class RemediedImages:
    """Images as a remedy makes them."""

    images: Any  # uint8, shape (n, 224, 224, 3)
    lungs: Lungs  # of the same images
    remedy: PictureRemedy

    def __iter__(self) -> Iterator[tuple[UInt8Array, int | None]]:
        """Yield each picture, and the bytes of its file where it was encoded anew."""
        return (self.read(row) for row in range(len(self.images)))

    def read(self, row: int) -> tuple[UInt8Array, int | None]:
        """Return one of them."""
        image, n_bytes = np.asarray(self.images[row]), None
        if self.remedy != "lungs":
            image, n_bytes = as_alike(image, self.lungs.mask(row))
        if self.remedy != "alike":
            image = PaintedImages(image[None], lambda _: self.lungs.outside(row)).read(0)
        return image, n_bytes
