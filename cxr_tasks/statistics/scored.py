"""What a variant says about the images that its figures are about."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Scores of images that had no part in training the model that gave them.

    Attributes:
        labels: Shape (n,); 1 is COVID-19, 0 is normal.
        scores: Shape (n,); probability of COVID-19, in [0, 1].
        groups: Shape (n,); images of one patient, or copies, share a number.
        folds: Shape (n,); which fold tested the image, from 1; 0 where there are no folds.
        calibrated: Shape (n,); the scores by a temperature that other images gave, or None.
        cutoffs: Shape (n,); the cut-off at the chosen sensitivity that other images gave; or None.
    """

    labels: IntArray
    scores: FloatArray
    groups: IntArray
    folds: IntArray
    calibrated: FloatArray | None = None
    cutoffs: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.labels)
