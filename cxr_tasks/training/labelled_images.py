"""Some of a store's images with their labels, in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelledImages:
    """Some images of a store, with their labels; read batch by batch, so memory stays flat.

    Args:
        images: Shape (n_stored, ...); usually memory-mapped uint8 images.
        rows: Shape (n,); which of them.
        labels: Shape (n,); 1.0 is COVID-19, 0.0 is normal; in the order of `rows`.
    """

    images: NDArray[Any]
    rows: NDArray[np.intp]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(
        self, size: int, *, order: NDArray[np.intp] | None = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
        """Read images and labels, (b, ...) and (b, 1); the last batch may be smaller."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            labels = self.labels[chosen].astype(np.float32).reshape(-1, 1)
            yield np.asarray(self.images[self.rows[chosen]]), labels
