"""Disease drawn into the lungs of a real radiograph: patchy opacities, edge and periphery included.

Nothing else of the image changes, so a data set whose classes differ by it alone is clean by
construction. It looks like no particular disease.
"""

from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cxr_tasks.statistics.scores import BoolArray

Strength = Literal["faint", "moderate", "strong"]
STRENGTHS: dict[Strength, float] = {"faint": 0.35, "moderate": 0.6, "strong": 0.9}
"""How far an opacity brings the lung towards the brightness of soft tissue, at most."""

_N_PATCHES = (4, 9)
_WIDTH = (0.035, 0.09)  # of the image's longer side
_OVER_THE_EDGE = 0.012  # of the longer side, over which an opacity fades at the lung's edge
_GRAIN = 0.012  # of the longer side, the size of what is patchy in an opacity


def draw_disease(
    grey: NDArray[np.uint8], lungs: BoolArray, rng: Generator, *, strength: Strength
) -> NDArray[np.uint8]:
    """Draw opacities into the lungs.

    Args:
        grey: Shape (h, w).
        lungs: Shape (h, w), not empty.
        rng: Decides where, how many and how large.
        strength: How dense they are.

    Returns:
        The changed image, shape (h, w); equal where no lung is near.
    """
    side = max(grey.shape)
    extent = np.zeros(grey.shape, np.float32)
    rows, columns = np.indices(grey.shape, dtype=np.float32)
    for row, column in _centres(lungs, rng, n=int(rng.integers(*_N_PATCHES))):
        height, width = rng.uniform(*_WIDTH, size=2) * side
        patch = np.exp(-(((rows - row) / height) ** 2 + ((columns - column) / width) ** 2))
        extent = np.maximum(extent, rng.uniform(0.6, 1.0) * patch)
    soft = gaussian_filter(lungs.astype(np.float32), _OVER_THE_EDGE * side)
    opacity = STRENGTHS[strength] * soft * extent * _texture(grey.shape, rng)
    tissue = np.quantile(grey, 0.85)
    target = np.maximum(tissue, grey)
    changed: NDArray[np.float32] = grey + opacity * (target - grey)
    drawn: NDArray[np.uint8] = np.rint(changed).clip(0, 255).astype(np.uint8)
    return drawn


def _centres(lungs: BoolArray, rng: Generator, *, n: int) -> NDArray[np.intp]:
    """Choose pixels of the lungs, those near the edge and in the lower half more often."""
    places = np.argwhere(lungs)
    depth = distance_transform_edt(lungs)[lungs]
    lower = places[:, 0] > np.median(places[:, 0])
    weights = (1.0 + lower) / (1.0 + depth / (0.02 * max(lungs.shape)))
    chosen = rng.choice(len(places), size=n, p=weights / weights.sum())
    return places[chosen]


def _texture(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """Return a grain between 0.4 and 1: opacities of lungs are seldom even."""
    grain = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), _GRAIN * max(shape))
    texture: NDArray[np.float32] = 0.7 + 0.3 * np.tanh(grain / grain.std())
    return texture


def enlarged(mask: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    """Bring a mask to an image's own size."""
    height, width = shape
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
