"""One synthetic chest radiograph: anatomy, opacities and noise from a few numbers.

Every image of either class has two patchy fields: dense lobules in the periphery of the lower zones
of both lungs, where COVID-19 shows itself, and lucent ones around the hila and in the upper zones,
a distractor. The label decides only which field keeps its fine structure; of the other a blurred
haze remains. So what is coarse (mean, spread, thumbnail) and how much structure there is in all
(file size) have the same distribution in both classes, and nothing outside `CENTRE` depends on the
label.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

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

CENTRE = (0.15, 0.85)
"""Fractions of width and height between which lies all that a phantom's label decides."""

Difficulty = Literal["easy", "hard"]
FINE_STRUCTURE: dict[Difficulty, float] = {"easy": 1.5, "hard": 1.1}
"""How strongly the sharp field's structure shows, which alone tells the classes apart."""

_TAPER_FRACTION = 0.05  # over which opacities fade out towards the edge of CENTRE
_DETECTOR_REACH_FRACTION = 3 / IMAGE_SIZE_PX  # the detector's blur ends within so much
_COARSE_SIGMA_PX = 6.5  # a cell of an 8 x 8 thumbnail is 32 px wide: finer structure averages out


def render(
    label: int, *, seed: int, patient: int, view: int, difficulty: Difficulty = "hard"
) -> NDArray[np.uint8]:
    """Draw one image; the same numbers give the same pixels in any process and order.

    Returns:
        Grey values, shape (IMAGE_SIZE_PX, IMAGE_SIZE_PX).
    """
    of_patient = np.random.default_rng([seed, patient, 0])
    of_view = np.random.default_rng([seed, patient, view + 1])
    scene = make_scene(of_patient, of_view)
    attenuation, lungs = chest(scene, of_patient)
    opacities = _opacities(label, scene, lungs, of_patient, of_view, FINE_STRUCTURE[difficulty])
    return expose(attenuation + opacities, of_view)


def _opacities(
    label: int,
    scene: Scene,
    lungs: FloatImage,
    of_patient: Generator,
    of_view: Generator,
    fine_structure: float,
) -> FloatImage:
    """Both fields; the label says which one is sharp.

    The fine part averages to zero over a few pixels, whatever its sign; the haze is always dense.
    """
    severity = of_patient.uniform(0.25, 1.0) * of_view.uniform(0.8, 1.2)
    lower = _patches(scene, (0.17, 0.27), (0.0, 0.2), of_patient)  # lower periphery
    upper = -_patches(scene, (0.08, 0.2), (-0.27, -0.03), of_patient)  # upper and central
    sharp, blurred = (lower, upper) if label == 1 else (upper, lower)
    fine = sharp - blur(sharp, _COARSE_SIGMA_PX)
    haze = blur(np.abs(sharp - blurred), _COARSE_SIGMA_PX)
    return severity * window() * np.sqrt(lungs) * (0.5 * haze + fine_structure * fine)


def _patches(
    scene: Scene, lateral: tuple[float, float], down: tuple[float, float], of_patient: Generator
) -> FloatImage:
    """Lobules, denser than what is around them, that lie so far lateral in both lungs, and down."""
    centres = [
        complex(sign * of_patient.uniform(*lateral), of_patient.uniform(*down))
        for sign in (-1, -1, -1, 1, 1, 1)
    ]
    u, v = shrink(scene.u), shrink(scene.v)
    extent = np.zeros_like(u)
    for centre in centres:
        width, height = of_patient.uniform(0.03, 0.065, size=2).tolist()
        patch = blob(u - centre.real, v - centre.imag, width=width, height=height)
        extent = np.maximum(extent, of_patient.uniform(0.5, 1.0) * patch)
    grain = of_patient.normal(size=(2, 64, 64)).astype(np.float32)
    mottle = 0.5 * enlarge(grain[0]) + 2.6 * enlarge(gaussian_filter(grain[1], 1))
    return enlarge(extent) * step(mottle - 0.5, 0.9)


@cache
def window() -> FloatImage:
    """Return how much of an opacity shows where: all of it inside `CENTRE`, nothing outside."""
    centre = (np.arange(IMAGE_SIZE_PX, dtype=np.float32) + 0.5) / IMAGE_SIZE_PX
    inside = np.minimum(centre - CENTRE[0], CENTRE[1] - centre) - _DETECTOR_REACH_FRACTION
    fade = step(inside - _TAPER_FRACTION / 2, _TAPER_FRACTION / 2)
    return fade[:, None] * fade[None, :]


def expose(attenuation: FloatImage, of_view: Generator) -> NDArray[np.uint8]:
    """Take the film: photon noise, blur of the detector, and the film curve."""
    dose, level, gain = of_view.normal(size=3).clip(-2, 2).tolist()
    quantum = (0.05 + 0.012 * dose) * np.exp(0.25 * (attenuation - 1))
    noise = of_view.standard_normal(attenuation.shape, dtype=np.float32)
    film = gaussian_filter(attenuation + quantum * noise, 0.6, truncate=2.5)
    grey: FloatImage = 1 / (1 + np.exp((2.1 + 0.2 * gain) * (1.15 + 0.1 * level - film)))
    return np.rint(250 * grey + 2).astype(np.uint8)
