"""One picture to learn from, with its mask: a chest, or what is none and has no lungs."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench.lungs.chest import draw_chest
from bench.lungs.disease import draw_opacities
from bench.lungs.film import take_film, with_border
from cxr_tasks.data.phantom.anatomy import IMAGE_SIZE_PX

SIZE_PX = 112
P_NO_CHEST = 0.08


@dataclass(frozen=True)
class Lesson:
    """A picture and where its lungs are."""

    pixels: NDArray[np.uint8]  # shape (112, 112)
    mask: NDArray[np.uint8]  # 0 to 255: how much of each pixel is lung


def draw_lesson(number: int, *, seed: int) -> Lesson:
    """Draw one picture; the same two numbers give the same."""
    rng = np.random.default_rng([seed, number])
    if rng.random() < P_NO_CHEST:
        return _no_chest(rng)
    chest = draw_chest(rng)
    pixels = take_film(chest.attenuation + draw_opacities(chest, rng), rng)
    pixels, mask = with_border(pixels, chest.mask.astype(np.uint8) * 255, rng)
    return Lesson(_small(pixels), _small(mask))


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrunk = Image.fromarray(pixels).resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR)
    return np.asarray(shrunk)


def _no_chest(rng: Generator) -> Lesson:
    """Draw noise, texture, shapes of bone, or a body beside the lungs."""
    nothing = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    draw = _NO_CHESTS[int(rng.integers(len(_NO_CHESTS)))]
    return Lesson(_small(take_film(draw(rng), rng)), nothing)


def _noise(rng: Generator) -> NDArray[np.float32]:
    field = rng.standard_normal((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    smooth = gaussian_filter(field, rng.uniform(0.5, 30), mode="wrap")
    return np.asarray(smooth / smooth.std(), np.float32)


def _mixed_noise(rng: Generator) -> NDArray[np.float32]:
    return _noise(rng) * rng.uniform(0.3, 1) + _noise(rng) + rng.uniform(0, 1) * _noise(rng)


def _bones(rng: Generator) -> NDArray[np.float32]:
    """Bright bars within soft tissue, as of a hand or a limb."""
    axis = np.arange(IMAGE_SIZE_PX, dtype=np.float32) / IMAGE_SIZE_PX - 0.5
    x, y = np.meshgrid(axis, axis)
    field = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 8))):
        angle, place, thick = rng.uniform((0, -0.5, 0.02), (np.pi, 0.5, 0.15))
        across = np.cos(angle) * x + np.sin(angle) * y - place
        along = -np.sin(angle) * x + np.cos(angle) * y - rng.uniform(-0.4, 0.4)
        inside = (np.abs(across) < thick) & (np.abs(along) < rng.uniform(0.1, 0.6))
        wide = (np.abs(across) < 2 * thick) & (np.abs(along) < rng.uniform(0.1, 0.6))
        field = np.maximum(field, 0.6 * wide + 0.6 * inside)
    return np.asarray(gaussian_filter(field, 2) + 0.1 * _noise(rng), np.float32)


def _beside(rng: Generator) -> NDArray[np.float32]:
    """Draw a body whose lungs lie out of the picture."""
    down = rng.choice((-1.1, 1.2))
    chest = draw_chest(rng, centre=complex(rng.uniform(-0.3, 0.3), down))
    return np.asarray(chest.attenuation, np.float32)


_NO_CHESTS = (_noise, _mixed_noise, _bones, _bones, _beside)
