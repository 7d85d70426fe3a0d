"""What hides lung on a radiograph: opacities of every extent, effusions, haze, and their mixture.

The mask does not change by them: what is hidden is lung all the same.
"""

import numpy as np
from numpy.random import Generator

from bench.lungs.chest import Chest, smooth_field
from cxr_tasks.data.phantom.anatomy import FloatImage, blob, blur, step

_P_HEALTHY = 0.3


def draw_opacities(chest: Chest, rng: Generator) -> FloatImage:
    """Return what is added to the attenuation inside the lungs and over their edges."""
    total = np.zeros_like(chest.attenuation)
    if rng.random() < _P_HEALTHY:
        return total
    for draw, chance in _KINDS:
        if rng.random() < chance:
            total += draw(chest, rng)
    return total


def _consolidations(chest: Chest, rng: Generator) -> FloatImage:
    """Blobs of any density; some reach over the edge of the lung, as they hide it."""
    scene, total = chest.scene, np.zeros_like(chest.attenuation)
    for _ in range(int(rng.integers(1, 7))):
        u, v = rng.choice((-1, 1)) * rng.uniform(0.05, 0.32), rng.uniform(-0.3, 0.27)
        width, height = rng.uniform(0.03, 0.13, size=2)
        total += rng.uniform(0.15, 1.0) * blob(scene.u - u, scene.v - v, width=width, height=height)
    total *= np.clip(1 + rng.uniform(0, 0.6) * smooth_field(rng, rng.uniform(2, 12)), 0, 2)
    reach = blur(chest.lungs, rng.uniform(2, 10)) if rng.random() < 0.5 else chest.lungs
    return np.asarray(np.clip(total, 0, 1.1) * np.sqrt(np.clip(reach, 0, 1)), np.float32)


def _patches(chest: Chest, rng: Generator) -> FloatImage:
    """Ground glass and reticulation in patches, over both lungs."""
    extent = np.clip(0.5 + smooth_field(rng, rng.uniform(12, 40)), 0, 1.5)
    grain = 1 + rng.uniform(0, 0.8) * smooth_field(rng, rng.uniform(1, 6))
    density = rng.uniform(0.1, 0.6)
    return np.asarray(density * extent * np.clip(grain, 0, 3) * chest.lungs, np.float32)


def _white_out(chest: Chest, rng: Generator) -> FloatImage:
    """Nearly airless zone: one side, a lower or an upper field, or what lies lateral."""
    scene = chest.scene
    edge = rng.uniform(-0.25, 0.2)
    soft = rng.uniform(0.03, 0.2)
    zone = step(scene.v - edge, soft) if rng.random() < 0.7 else step(edge - scene.v, soft)
    if rng.random() < 0.25:
        zone = np.ones_like(zone)
    if rng.random() < 0.7:
        zone = zone * (scene.right if rng.random() < 0.5 else ~scene.right)
    if rng.random() < 0.3:
        zone = zone * step(scene.side - rng.uniform(0.1, 0.25), 0.1)
    return np.asarray(rng.uniform(0.5, 1.05) * zone * chest.lungs, np.float32)


def _effusion(chest: Chest, rng: Generator) -> FloatImage:
    """Fluid that fills a base; its edge rises laterally."""
    scene = chest.scene
    level = rng.uniform(0.0, 0.2) - rng.uniform(0, 1.2) * np.clip(scene.side - 0.1, 0, 1)
    fluid = step(scene.v - level, rng.uniform(0.01, 0.06)) * chest.lungs
    side = scene.right if rng.random() < 0.5 else ~scene.right
    if rng.random() < 0.3:
        side = side | ~side
    return np.asarray(rng.uniform(0.5, 1.0) * fluid * side, np.float32)


def _haze(chest: Chest, rng: Generator) -> FloatImage:
    """Diffuse density, more on one side where the patient lies turned."""
    sides = rng.uniform(0.0, 0.6, size=2)
    density = np.where(chest.scene.right, np.float32(sides[0]), np.float32(sides[1]))
    return np.asarray(blur(density, 10) * chest.lungs, np.float32)


_KINDS = (
    (_consolidations, 0.6),
    (_patches, 0.45),
    (_white_out, 0.2),
    (_effusion, 0.25),
    (_haze, 0.5),
)
"""What is drawn into a diseased chest, and how often."""
