"""What the backbone learns from: drawn radiographs with a known texture in each zone of the lungs.

It must not learn the question of the phantom data itself (lobules, dense in the lower periphery
or lucent in the upper and central zones). So these images have other seeds and other textures, in
six zones that are drawn independently of one another; what is common is the chest, and that the
answer needs fine structure and where it lies.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cxr_tasks.data import images
from cxr_tasks.data.phantom.anatomy import (
    IMAGE_SIZE_PX,
    FloatImage,
    Scene,
    blob,
    blur,
    chest,
    enlarge,
    make_scene,
    shrink,
    step,
)
from cxr_tasks.data.phantom.drawing import expose, window

ZONES = tuple(complex(side * 0.17, down) for down in (-0.2, -0.04, 0.12) for side in (-1, 1))
"""Centres of the zones: upper, middle and lower, right and left."""

TEXTURES = ("nodules", "lines", "stripes", "grain", "clumps")
FINDINGS = (
    "none",
    "haze",
    *(f"{sign} {name}" for name in TEXTURES for sign in ("dense", "lucent")),
)
"""What a zone may hold. Of the haze no texture is left to name."""

NETWORK_SIZE_PX = images.IMAGE_SIZE_PX
N_CHEST_FACTS = 6
_P_EMPTY, _P_HAZE = 0.35, 0.15
_HAZE_SIGMA_PX = 6.5


@dataclass(frozen=True)
class Lesson:
    """One image and what is asked about it."""

    pixels: NDArray[np.uint8]  # uint8, shape (224, 224)
    findings: NDArray[np.int8]  # index into `FINDINGS` for each zone
    densities: NDArray[np.float32]  # how strong each zone's finding is, 0 to about 1
    # size of heart and lungs, position, scale and turn of the view; standard normal
    chest: NDArray[np.float32]


def draw_lesson(number: int, *, seed: int) -> Lesson:
    """Draw one image; the same two numbers give the same."""
    of_patient, of_view = (np.random.default_rng([seed, number, stream]) for stream in (10, 11))
    scene = make_scene(of_patient, of_view)
    attenuation, lungs = chest(scene, of_patient)
    findings = np.zeros(len(ZONES), np.int8)
    densities = np.zeros(len(ZONES), np.float32)
    field = np.zeros_like(attenuation)
    for zone, centre in enumerate(ZONES):
        findings[zone] = _choose(of_patient)
        if findings[zone] == 0:
            continue
        density = of_patient.uniform(0.3, 1.1)
        densities[zone] = density
        field += density * _opacity(FINDINGS[findings[zone]], scene, centre, of_patient)
    attenuation += window() * np.sqrt(lungs) * field
    film = Image.fromarray(expose(attenuation, of_view))
    small = film.resize((NETWORK_SIZE_PX, NETWORK_SIZE_PX), Image.Resampling.BILINEAR)
    return Lesson(np.asarray(small), findings, densities, _chest_facts(scene))


def mirrored(of_zones: NDArray[Any]) -> NDArray[Any]:
    """Exchange right and left zones: the last axis of an array of zones."""
    pairs = of_zones.reshape(*of_zones.shape[:-1], -1, 2)[..., ::-1]
    return pairs.reshape(of_zones.shape)


def _choose(rng: Generator) -> int:
    chance = rng.uniform()
    if chance < _P_EMPTY:
        return 0
    if chance < _P_EMPTY + _P_HAZE:
        return 1
    return int(rng.integers(2, len(FINDINGS)))


def _opacity(finding: str, scene: Scene, centre: complex, rng: Generator) -> FloatImage:
    """Draw a zone's finding: its fine structure, which averages to zero, or a haze."""
    u, v = shrink(scene.u), shrink(scene.v)
    shift = rng.normal(size=2).clip(-2, 2) * 0.015
    width, height = rng.uniform(0.04, 0.065, size=2).tolist()
    extent = enlarge(
        blob(u - centre.real - shift[0], v - centre.imag - shift[1], width=width, height=height)
    )
    if finding == "haze":
        texture = extent * _texture(TEXTURES[int(rng.integers(len(TEXTURES)))], rng)
        haze: FloatImage = 0.6 * blur(np.abs(texture), _HAZE_SIGMA_PX)
        return haze
    sign, name = finding.split()
    fine = extent * _texture(name, rng)
    opacity: FloatImage = 1.1 * (fine - blur(fine, _HAZE_SIGMA_PX))
    return opacity if sign == "dense" else -opacity


def _texture(name: str, rng: Generator) -> FloatImage:
    """Draw a texture over the whole image, between 0 and about 1; sparse, so that it has a sign."""
    return _DRAWN[name](rng)


def _nodules(rng: Generator) -> FloatImage:
    seeds = (rng.random((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32) < 0.006).astype(np.float32)
    radius = rng.uniform(1.6, 2.6)
    dots: FloatImage = gaussian_filter(seeds, radius) * (2 * np.pi * radius**2)
    return dots.clip(0, 1.2)


def _lines(rng: Generator) -> FloatImage:
    """Contours of a smooth field: a net of thin lines."""
    field = _smooth_noise(rng, rng.uniform(3.5, 5.5))
    lines: FloatImage = np.exp(-((field / 0.16) ** 2))
    return lines


def _stripes(rng: Generator) -> FloatImage:
    axis = np.arange(IMAGE_SIZE_PX, dtype=np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(7, 12)
    along = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]
    wobble = 0.8 * _smooth_noise(rng, 14)
    return step(np.cos(2 * np.pi * along / period + wobble) - 0.5, 0.6)


def _grain(rng: Generator) -> FloatImage:
    return step(_smooth_noise(rng, 1.1) - 1.0, 0.8)


def _clumps(rng: Generator) -> FloatImage:
    return step(_smooth_noise(rng, 5) - 0.9, 0.5)


_DRAWN = {
    "nodules": _nodules,
    "lines": _lines,
    "stripes": _stripes,
    "grain": _grain,
    "clumps": _clumps,
}


def _smooth_noise(rng: Generator, sigma_px: float) -> FloatImage:
    """Return Gaussian noise of unit variance, correlated over so many pixels."""
    noise = rng.standard_normal((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    smooth: FloatImage = gaussian_filter(noise, sigma_px, truncate=3)
    return np.asarray(smooth / smooth.std())


def _chest_facts(scene: Scene) -> NDArray[np.float32]:
    h = scene.habitus
    scale, angle = abs(scene.turn), np.angle(scene.turn)
    facts = [
        h[17],
        h[3],
        scene.shift.real / 0.016,
        scene.shift.imag / 0.018,
        (scale - 1) / 0.05,
        angle / 0.022,
    ]
    return np.asarray(facts, np.float32)
