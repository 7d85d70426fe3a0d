"""Lung masks from the segmenter's probabilities, how far they are to be trusted, and where not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_fill_holes, gaussian_filter, label

MASK_SIZE_PX = 224

MIN_QUALITY = 0.5
"""Below it an image counts as one without lungs; see docs/lungs.md for what that costs."""

_SMOOTH_PX = 1.5
_MIN_LUNG_FRACTION = 0.015
"""Of the image, that one lung fills at least; smaller islands are dropped."""

Mask = NDArray[np.bool_]
Probability = NDArray[np.floating]


@dataclass(frozen=True)
class LungMasks:
    """Where the lungs of each image are."""

    masks: Mask  # shape (n, 224, 224); all False where no lungs were found
    quality: NDArray[np.float64]  # shape (n,), 0 to 1: about the Dice to be expected
    found: Mask  # shape (n,)


def masks_from(probabilities: NDArray[np.floating]) -> LungMasks:
    """Turn probabilities of lung into masks.

    Above one half, smoothed, holes filled, the two largest parts kept.

    Args:
        probabilities: Shape (n, s, s, 1) or (n, s, s), in [0, 1].
    """
    n = len(probabilities)
    masks = np.zeros((n, MASK_SIZE_PX, MASK_SIZE_PX), np.bool_)
    quality = np.zeros(n)
    for place in range(n):
        probability = _enlarged(np.asarray(probabilities[place], np.float32).squeeze())
        masks[place] = _mask(probability)
        quality[place] = _quality(masks[place], probability)
    found = quality >= MIN_QUALITY
    masks[~found] = False
    return LungMasks(masks, quality, found)


def _enlarged(probability: Probability) -> Probability:
    size = (MASK_SIZE_PX, MASK_SIZE_PX)
    enlarged = Image.fromarray(probability).resize(size, Image.Resampling.BILINEAR)
    return gaussian_filter(np.asarray(enlarged), _SMOOTH_PX)


def _mask(probability: Probability) -> Mask:
    """Keep the two largest parts that are large enough for a lung; both lungs may be one part."""
    parts, n_parts = label(probability > 0.5)
    areas = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    largest = [part for part in np.argsort(-areas)[:2] if areas[part] >= _min_area(parts)]
    kept: Mask = binary_fill_holes(np.isin(parts, np.array(largest, int) + 1))
    return kept


def _min_area(parts: NDArray[np.int_]) -> float:
    return _MIN_LUNG_FRACTION * parts.size


def _quality(mask: Mask, probability: Probability) -> float:
    """Return the Dice that the probabilities lead to expect, less for implausible masks."""
    if not mask.any():
        return 0.0
    expected = 2 * probability[mask].sum() / (probability.sum() + mask.sum())
    return float(expected)
