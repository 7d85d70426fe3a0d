"""The anatomy of a phantom: lungs, soft tissue, heart, bones and vessels of one patient.

Lengths are in widths of the image, `u` to the patient's left (the right of the image), `v`
downwards, both from the centre. Attenuation is in arbitrary units; the film is brighter where it
is higher.
"""

import cmath
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

FloatImage = NDArray[np.floating]

IMAGE_SIZE_PX = 256

_COARSE_PX = 4  # smooth fields are computed on a grid so much coarser


@dataclass(frozen=True)
class Scene:
    """What one view of one patient is drawn on."""

    u: FloatImage
    v: FloatImage
    side: FloatImage  # |u|
    right: NDArray[np.bool_]  # the patient's right, on the left of the image
    habitus: list[float]  # standard normal, cut at 2: how this patient differs from the average
    turn: complex  # scale and rotation: image = turn * patient + shift, u + iv being a point
    shift: complex


def make_scene(of_patient: Generator, of_view: Generator) -> Scene:
    """Draw how this patient is built, and how this view was taken."""
    habitus = of_patient.normal(size=24).clip(-2, 2).tolist()
    right, down, larger, angle = of_view.normal(size=4).clip(-2, 2).tolist()
    turn = (1 + 0.045 * habitus[23] + 0.02 * larger) * cmath.exp(0.022j * angle)
    shift = complex(0.016 * right, 0.018 * down)
    axis = (np.arange(IMAGE_SIZE_PX, dtype=np.float32) + 0.5) / IMAGE_SIZE_PX - 0.5
    points = (axis[None, :] + 1j * axis[:, None] - np.complex64(shift)) / np.complex64(turn)
    u, v = points.real.copy(), points.imag.copy()
    return Scene(u, v, np.abs(u), u < 0, habitus, turn, shift)


def chest(scene: Scene, of_patient: Generator) -> tuple[FloatImage, FloatImage]:
    """Draw a chest without opacities: its attenuation, and the depth of air in its lungs."""
    lungs = lung_depth(scene)
    attenuation = soft_tissue(scene) * (1 + 0.08 * unevenness(scene, of_patient))
    attenuation -= lungs * (1.05 + 0.12 * scene.habitus[0])
    attenuation += heart(scene) + skeleton(scene, lungs)
    attenuation += lungs * vessel_tree(scene, of_patient)
    attenuation += 0.12 * (blur(attenuation, 8) - attenuation)  # scatter
    return attenuation, lungs


def step(distance: FloatImage, width: float) -> FloatImage:
    """Rise from 0 to 1 around distance 0; smooth, and cheaper than a logistic function."""
    t: FloatImage = distance * (0.5 / width)
    t += 0.5
    np.clip(t, 0, 1, out=t)
    t *= t * (3 - 2 * t)
    return t


def blob(u: FloatImage, v: FloatImage, *, width: float, height: float) -> FloatImage:
    """Return a Gaussian hill of height 1 around the origin of `u` and `v`."""
    return np.exp(-0.5 * ((u / width) ** 2 + (v / height) ** 2))


def blur(field: FloatImage, sigma_px: float) -> FloatImage:
    """Blur by so many pixels, on the coarse grid."""
    small = gaussian_filter(shrink(field), sigma_px / _COARSE_PX, truncate=3)
    return enlarge(small)


def shrink(field: FloatImage) -> FloatImage:
    """Average onto the coarse grid."""
    return np.asarray(Image.fromarray(field).reduce(_COARSE_PX))


def enlarge(field: FloatImage) -> FloatImage:
    """Bring a field from the coarse grid to the image's size."""
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    return np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BICUBIC))


def _sided(scene: Scene, right: float, left: float) -> FloatImage:
    return np.where(scene.right, np.float32(right), np.float32(left))


def lung_depth(scene: Scene) -> FloatImage:
    """Depth of air, 0 to about 1."""
    h, side, v = scene.habitus, scene.side, scene.v
    apex, angle = -0.375 + 0.02 * h[1], 0.29 + 0.03 * h[2]
    down = np.clip((v - apex) / (angle - apex), 0, 1)
    width = _sided(scene, 0.322, 0.318 + 0.006 * h[4]) + 0.015 * h[3]
    outer = width * (down * (2 - down)) ** (0.44 + 0.05 * h[5]) - 0.015 * down**4
    inner = 0.04 + 0.006 * h[6] + 0.03 * np.clip(down - 0.35, 0, 1) + 0.07 * (1 - down) ** 8
    dome = _sided(scene, 0.15, 0.175 + 0.01 * h[8]) + 0.02 * (h[7] + h[2])
    base = dome + (3.6 + 0.8 * h[9]) * (side - 0.15) ** 2
    rim = np.clip((outer - side) / 0.13, 0, 1)
    depth: FloatImage = 0.62 + 0.38 * rim * (2 - rim) - 0.15 * (1 - down) ** 2
    depth *= step(outer - side, 0.012) * step(side - inner, 0.02) * step(base - v, 0.009)
    return depth


def soft_tissue(scene: Scene) -> FloatImage:
    """Chest wall, shoulders, breasts and abdomen; air around them."""
    h, side, v = scene.habitus, scene.side, scene.v
    wall = 0.47 + 0.03 * h[10] + 0.12 * np.clip(-v - 0.12, 0, 1) + 0.04 * np.clip(v, 0, 1)
    bulk = np.sqrt(np.clip(1 - (side / wall) ** 2, 0, 1))
    out = np.clip(side - 0.09, 0, 1)
    shoulder = -0.56 + 0.02 * h[11] + (0.16 + 0.08 * h[12]) * out + 1.3 * out**2
    tissue: FloatImage = (0.8 + 0.85 * bulk) * step(wall - side, 0.015)
    tissue += (0.32 + 0.06 * h[10]) * step(v - 0.22 - 0.6 * (side - 0.15) ** 2, 0.08)
    breast = max(0.0, 0.08 + 0.14 * h[13])
    for sign in (-1, 1):
        low, lateral = 0.12 + 0.02 * h[14], sign * (0.21 + 0.015 * h[15])
        radius = np.hypot((scene.u - lateral) / 0.135, (v - low) / 0.13)
        tissue += breast * step(1 - radius, 0.16)
    blade = side - 0.35 - 0.01 * h[16] - 0.25 * (v + 0.12)
    tissue += 0.13 * step(blade, 0.012) * step(0.10 - np.abs(v + 0.14), 0.05)
    tissue *= step(v - shoulder, 0.02)
    return tissue


def unevenness(scene: Scene, of_patient: Generator) -> FloatImage:
    """Fat and muscle as they differ from patient to patient, fixed to the patient's body."""
    field = np.zeros_like(shrink(scene.u))
    u, v = shrink(scene.u), shrink(scene.v)
    for across, down, phase in of_patient.uniform(-3, 3, size=(10, 3)).tolist():
        field += np.cos(2 * np.pi * (across * u + down * v) + phase * np.pi)
    return enlarge(0.45 * field)


def heart(scene: Scene) -> FloatImage:
    """Heart, aortic knob, mediastinum, hila, and the air of trachea and stomach."""
    h, u, v, side = scene.habitus, scene.u, scene.v, scene.side
    size, lean = 1 + 0.12 * h[17], cmath.exp(1j * (0.62 + 0.1 * h[21]))
    right, down = u - 0.056, v - 0.095
    along, across = lean.real * right + lean.imag * down, lean.real * down - lean.imag * right
    radius = np.hypot(along / (0.175 * size), across / (0.128 * size))
    mass = 0.85 * step(1 - radius, 0.07) * np.sqrt(np.clip(1.25 - radius, 0.05, 1))
    mass *= 1 - 0.7 * step(v - 0.175, 0.035)  # below the diaphragm the liver hides it
    column = 0.05 + 0.008 * h[18] + 0.05 * np.clip(v + 0.2, 0, 0.2)
    mass += 0.34 * step(column - side, 0.02)
    knob = np.hypot(u - 0.055 - 0.006 * h[18], v + 0.165 + 0.012 * h[19]) / (0.036 + 0.003 * h[18])
    mass += 0.34 * step(1 - knob, 0.2)
    for sign, low in ((-1, -0.035), (1, -0.055)):
        hilum = u - sign * (0.085 + 0.006 * h[6]) - 0.25 * sign * (v - low)
        mass += 0.26 * blob(hilum, v - low, width=0.018, height=0.04)
    trachea = step(0.017 - np.abs(u + 0.004 * h[19]), 0.008) * step(-0.10 - v, 0.03)
    bubble = blob(u - 0.15, v - 0.30 - 0.02 * h[7], width=0.05, height=0.03)
    return mass - 0.26 * trachea - max(0.0, 0.25 + 0.25 * h[20]) * bubble


def skeleton(scene: Scene, lungs: FloatImage) -> FloatImage:
    """Spine, ribs and clavicles."""
    h, u, v, side = scene.habitus, scene.u, scene.v, scene.side
    discs = 0.5 + 0.5 * np.cos((v + 0.01 * h[21]) * (2 * np.pi / 0.066))
    bones: FloatImage = step(0.034 + 0.003 * h[6] - side, 0.008) * (0.10 + 0.10 * discs**2)
    cage = step(0.335 + 0.012 * h[3] - side, 0.02) * step(v + 0.40, 0.03) * step(0.36 - v, 0.1)
    cage *= 0.4 + 0.6 * np.clip(2 * lungs, 0, 1)
    pitch = 0.076 * (1 + 0.05 * h[22])
    arch = 0.55 * side - (2.6 + 0.25 * h[9]) * side**2
    posterior = (v + arch) / pitch + 0.1 * np.sin(9 * v + h[21]) + 0.5 * h[20]
    bones += cage * (0.25 + 0.03 * h[12]) * _rib(posterior) * step(side - 0.04, 0.01)
    anterior = (v + 0.55 * side + 0.8 * side**2) / (1.3 * pitch) + 0.5 * h[5]
    near = cage * lungs * step(side - 0.15, 0.05) * step(0.2 - v, 0.08)
    bones += near * (0.13 + 0.03 * h[12]) * _rib(anterior)
    for sign, tilt in ((-1, 0.03 * h[16]), (1, 0.03 * h[11])):
        out = sign * u - 0.035
        line = -0.255 + 0.012 * h[19] - (0.27 + tilt) * out - 0.022 * np.sin(out * 16)
        thick = 0.013 + 0.008 * step(0.05 - out, 0.04)
        bar = step(thick - np.abs(v - line), 0.005) * step(out, 0.01) * step(0.33 - out, 0.02)
        bones += 0.27 * bar * (1 - 0.3 * bar * step(out - 0.02, 0.02))
    return bones


def _rib(phase: FloatImage) -> FloatImage:
    """One band to a unit of phase, its cortex denser than its marrow."""
    wave = np.cos(2 * np.pi * phase)
    band = step(wave - 0.25, 0.22)
    band *= 1.15 - 0.45 * band * np.clip(wave, 0, 1) ** 2
    return band


def vessel_tree(scene: Scene, of_patient: Generator) -> FloatImage:
    """Branches that leave the hila and thin out towards the pleura."""
    canvas = Image.new("L", (IMAGE_SIZE_PX, IMAGE_SIZE_PX))
    pen = ImageDraw.Draw(canvas)
    for sign in (-1, 1):
        for heading in np.linspace(-1.35, 1.35, 9) + of_patient.normal(size=9) * 0.12:
            hilum = complex(sign * 0.075, -0.04)
            _branch(pen, scene, hilum, float(heading), sign=sign, calibre=1, rng=of_patient)
    strength = 0.36 + 0.06 * scene.habitus[14]
    vessels = np.asarray(canvas, dtype=np.float32) * np.float32(strength / 255)
    blurred: FloatImage = gaussian_filter(vessels, 0.9, truncate=2.5)
    return blurred


def _branch(
    pen: ImageDraw.ImageDraw,
    scene: Scene,
    start: complex,
    heading: float,
    *,
    sign: int,
    calibre: float,
    rng: Generator,
) -> None:
    points, headings = [start], [heading]
    for bend in rng.normal(size=6).tolist():
        headings.append(headings[-1] + 0.2 * bend)
        ahead = cmath.rect(0.014 + 0.012 * calibre, headings[-1])
        points.append(points[-1] + complex(sign * ahead.real, ahead.imag))
    corners = [(p * scene.turn + scene.shift + (0.5 + 0.5j)) * IMAGE_SIZE_PX for p in points]
    width = 1 + round(2.2 * calibre)
    pen.line([(c.real, c.imag) for c in corners], fill=int(40 + 190 * calibre), width=width)
    if calibre > 0.3:
        for index, fork in ((3, 0.55), (6, 0.3), (6, -0.4)):
            start, heading = points[index], headings[index] + fork
            _branch(pen, scene, start, heading, sign=sign, calibre=0.52 * calibre, rng=rng)
