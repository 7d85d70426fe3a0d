"""Lung masks from the segmenter's probabilities, how far they are to be trusted, and where not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_fill_holes, center_of_mass, find_objects, gaussian_filter, label

MASK_SIZE_PX = 224

MIN_QUALITY = 0.6
"""Below it an image counts as one without lungs; docs/lungs.md says how often that is right."""

_DICE_OF_CONFIDENCE = (-0.9, 1.95)
"""Dice as a straight line of the mean probability inside the mask, fitted on drawn chests."""

_SMOOTH_PX = 1.5
_MIN_LUNG_FRACTION = 0.015
"""Of the image, that one lung fills at least; smaller islands are dropped."""

_LUNGS_FRACTION = (0.06, 0.8)
"""Of the image, that both lungs fill; less or more is no chest radiograph as a person takes it."""

Mask = NDArray[np.bool_]
Probability = NDArray[np.floating]


@dataclass(frozen=True)
class LungMasks:
    """Where the lungs of each image are."""

    masks: Mask  # shape (n, 224, 224); all False where no lungs were found
    quality: NDArray[np.float64]  # shape (n,), 0 to 1: the Dice to be expected on drawn chests
    found: Mask  # shape (n,)


def masks_from(probabilities: NDArray[np.floating]) -> LungMasks:
    """Turn probabilities of lung into masks.

    A mask is where the smoothed probability is above one half: its two largest parts, holes
    filled. Lungs count as found where the segmenter is sure enough, and where there are two of
    them, side by side and of a plausible size.

    Args:
        probabilities: Shape (n, s, s, 1) or (n, s, s), in [0, 1].
    """
    n = len(probabilities)
    masks = np.zeros((n, MASK_SIZE_PX, MASK_SIZE_PX), np.bool_)
    quality = np.zeros(n)
    for place in range(n):
        probability = _enlarged(probabilities[place])
        parts = _lung_parts(probability)
        if _are_two_lungs(parts):
            masks[place] = parts > 0
            quality[place] = _expected_dice(probability[masks[place]])
    found = quality >= MIN_QUALITY
    masks[~found] = False
    return LungMasks(masks, quality, found)


def _enlarged(probability: Probability) -> Probability:
    small = Image.fromarray(probability.reshape(probability.shape[:2]).astype(np.float32))
    size = (MASK_SIZE_PX, MASK_SIZE_PX)
    whole = np.asarray(small.resize(size, Image.Resampling.BILINEAR))
    smooth: Probability = gaussian_filter(whole, _SMOOTH_PX)
    return smooth


def _lung_parts(probability: Probability) -> NDArray[np.int_]:
    """Number the two largest parts, if they are large enough for a lung; else 0."""
    parts, n_parts = label(binary_fill_holes(probability > 0.5))
    areas = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    least = _MIN_LUNG_FRACTION * parts.size
    numbers = np.zeros(n_parts + 1, np.int_)
    for number, part in enumerate(np.argsort(-areas, kind="stable")[:2], start=1):
        numbers[part + 1] = number if areas[part] >= least else 0
    numbered: NDArray[np.int_] = numbers[parts]
    return numbered


def _are_two_lungs(parts: NDArray[np.int_]) -> bool:
    """Tell whether two parts lie side by side; both lungs may be one part, wider than high."""
    least, most = _LUNGS_FRACTION
    if not least <= (parts > 0).mean() <= most:
        return False
    if parts.max() == 1:
        down, across = find_objects(parts)[0]
        return bool(across.stop - across.start > down.stop - down.start)
    (first_down, first_across), (down, across) = center_of_mass(parts > 0, parts, (1, 2))
    return bool(abs(across - first_across) > abs(down - first_down))


def _expected_dice(inside: Probability) -> float:
    """Return the Dice that drawn chests have at this mean probability inside the mask."""
    start, slope = _DICE_OF_CONFIDENCE
    return float(np.clip(start + slope * inside.mean(dtype=np.float64), 0, 1))
