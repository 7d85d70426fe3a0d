"""A chest as it is drawn to learn lungs from: more varied than the phantom data, its mask exact.

Bodies differ more than those of the phantom data, and so do views: crops that touch the lungs or
leave arms and neck, both axes stretched by themselves (images are brought to a square), rotation,
and a smooth deformation that takes away the symmetry of the formulas.
"""

import cmath
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cxr_tasks.data.phantom.anatomy import (
    IMAGE_SIZE_PX,
    FloatImage,
    Scene,
    blob,
    blur,
    heart,
    lung_depth,
    skeleton,
    soft_tissue,
    step,
    unevenness,
    vessel_tree,
)

MIN_DEPTH = 0.28
"""Of the air, from which a place counts as lung: radiologists draw about there."""

_LUNGS_WIDTH, _LUNGS_HEIGHT, _LUNGS_MIDDLE = 0.65, 0.66, -0.05
"""Of the average phantom's lungs, in widths of its image, and how far down their middle lies."""


@dataclass(frozen=True)
class Chest:
    """A chest without opacities."""

    scene: Scene
    attenuation: FloatImage
    lungs: FloatImage  # depth of air, 0 to about 1

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Return where lung is, what heart and opacities hide included."""
        return self.lungs > MIN_DEPTH


def draw_chest(rng: Generator, *, centre: complex = 0j) -> Chest:
    """Draw one chest.

    Args:
        rng: Decides everything.
        centre: Where the middle of the lungs lies, from that of the image, in its widths.
    """
    scene = _make_scene(rng, centre)
    lungs = lung_depth(scene) * _clipped_side(scene, rng)
    tissue = soft_tissue(scene) * (1 + rng.uniform(0.02, 0.16) * unevenness(scene, rng))
    tissue = np.maximum(tissue, _surroundings(scene, rng))
    attenuation = tissue - lungs * rng.uniform(0.7, 1.25)
    attenuation += rng.uniform(0.4, 1.25) * heart(_with_heart(scene, rng))
    attenuation += rng.uniform(0.25, 1.2) * skeleton(scene, lungs)
    attenuation += rng.uniform(0.3, 1.3) * lungs * vessel_tree(scene, rng)
    attenuation -= _gas(scene, lungs, rng)
    attenuation += rng.uniform(0.05, 0.4) * (blur(attenuation, 8) - attenuation)  # scatter
    return Chest(scene, attenuation, lungs)


def smooth_field(rng: Generator, sigma_px: float) -> FloatImage:
    """Return a random field of unit variance that is smooth over so many pixels of 256."""
    n_cells = int(np.clip(3 * IMAGE_SIZE_PX / sigma_px, 8, IMAGE_SIZE_PX))
    noise = rng.standard_normal((n_cells, n_cells), np.float32)
    smooth = gaussian_filter(noise, sigma_px * n_cells / IMAGE_SIZE_PX, truncate=3, mode="wrap")
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    picture = Image.fromarray(smooth / smooth.std()).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _make_scene(rng: Generator, centre: complex) -> Scene:
    habitus = (1.3 * rng.normal(size=24)).clip(-2.6, 2.6)
    habitus[5] -= 1.8  # apices rounder than the phantom data's
    habitus[7] += 0.5 * rng.normal() - 0.3
    width, height = _size_of_lungs(rng)
    stretch = complex(width / _LUNGS_WIDTH, height / _LUNGS_HEIGHT)
    shift = centre + complex(*(rng.normal(size=2).clip(-2, 2) * (0.03, 0.04)))
    turn = cmath.exp(1j * 0.06 * float(np.clip(rng.normal(), -2, 2)))
    axis = (np.arange(IMAGE_SIZE_PX, dtype=np.float32) + 0.5) / IMAGE_SIZE_PX - 0.5
    points = (axis[None, :] + 1j * axis[:, None] - np.complex64(shift)) / np.complex64(turn)
    bend = rng.uniform(0.0, 0.011)
    u = points.real / stretch.real + bend * smooth_field(rng, 40)
    v = points.imag / stretch.imag + bend * smooth_field(rng, 40) + _LUNGS_MIDDLE
    u += rng.normal() * 0.01 * np.clip(v + 0.2, 0, 1)  # the patient leans
    u, v = u.astype(np.float32), v.astype(np.float32)
    mean = (stretch.real + stretch.imag) / 2
    origin = shift - 1j * _LUNGS_MIDDLE * mean
    return Scene(u, v, np.abs(u), u < 0, habitus.tolist(), turn * mean, origin)


def _size_of_lungs(rng: Generator) -> tuple[float, float]:
    """Return width and height of the lungs in the image: generous views, usual ones, tight ones."""
    kind = rng.choice(3, p=(0.2, 0.5, 0.3))
    low, high = ((0.52, 0.72), (0.68, 0.95), (0.88, 1.08))[kind]
    width = rng.uniform(low, high)
    return width, min(1.1, max(0.42, width * rng.uniform(0.72, 1.16)))


def _clipped_side(scene: Scene, rng: Generator) -> FloatImage:
    """Raise one or both domes of the diaphragm: poor inspiration, a paralysed or pushed-up side."""
    if rng.random() > 0.35:
        return np.ones_like(scene.u)
    right, left = (
        rng.uniform(-0.08, 0.2, size=2) if rng.random() < 0.5 else [rng.uniform(0, 0.2)] * 2
    )
    dome = np.where(scene.right, np.float32(0.14 - right), np.float32(0.14 - left))
    curve = np.float32(rng.uniform(1.5, 5.0)) * (scene.side - 0.15) ** 2
    return step(dome + curve - scene.v, 0.009)


def _with_heart(scene: Scene, rng: Generator) -> Scene:
    """Let the heart differ more in size and place than the rest of the body."""
    habitus = list(scene.habitus)
    habitus[17] = float(np.clip(rng.normal(0.4, 1.8), -2.5, 4.5))
    right, down = rng.normal(size=2) * 0.02
    u = scene.u - np.float32(right)
    return replace(scene, u=u, v=scene.v - np.float32(down), side=np.abs(u), habitus=habitus)


def _gas(scene: Scene, lungs: FloatImage, rng: Generator) -> FloatImage:
    """Gas in stomach and bowel, close below the diaphragm: as dark as lung, and none."""
    gas = np.zeros_like(scene.u)
    if rng.random() < 0.4:
        return gas
    for _ in range(int(rng.integers(1, 7))):
        across = rng.uniform(0.02, 0.3) * (1 if rng.random() < 0.75 else -1)
        down = rng.uniform(0.17, 0.5)
        width, height = rng.uniform(0.02, 0.11), rng.uniform(0.015, 0.06)
        radius = np.hypot((scene.u - across) / width, (scene.v - down) / height)
        wall = 1 + 0.15 * smooth_field(rng, 20)
        gas = np.maximum(gas, rng.uniform(0.2, 1.0) * step(wall - radius, rng.uniform(0.2, 0.8)))
    return gas * (1 - np.clip(3 * lungs, 0, 1))


def _surroundings(scene: Scene, rng: Generator) -> FloatImage:
    """Neck, shoulders and arms, each there or not."""
    side, v, h = scene.side, scene.v, scene.habitus
    density = rng.uniform(0.7, 1.5)
    neck = step(0.11 + 0.02 * h[11] + 0.7 * np.clip(v + 0.44, 0, 1) - side, 0.02) * step(
        -0.3 - v, 0.1
    )
    around = density * rng.uniform(0.8, 1.1) * neck * step(v + rng.uniform(0.45, 0.9), 0.03)
    if rng.random() < 0.7:
        top = rng.uniform(-0.5, -0.33) + rng.uniform(0.0, 0.6) * np.clip(side - 0.2, 0, 1)
        shoulders = step(v - top, 0.03) * step(side - 0.2, 0.1)
        low = rng.uniform(-0.2, 0.6)
        around = np.maximum(around, density * shoulders * step(low - v, 0.15))
    if rng.random() < 0.5:
        gap, thick = rng.uniform(0.42, 0.6), rng.uniform(0.08, 0.25)
        lean = rng.uniform(-0.25, 0.15)
        arm = side - gap - lean * (v + 0.3)
        bar = step(arm, 0.02) * step(thick - arm, 0.02) * step(v + rng.uniform(0.2, 0.45), 0.05)
        bone = 0.3 * blob(arm - thick / 2, 0 * v, width=0.03, height=1)
        around = np.maximum(around, bar * (density * rng.uniform(0.6, 1.1) + bone))
    return np.asarray(around, np.float32)
