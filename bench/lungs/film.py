"""From attenuation to a picture: what lies on the patient, the film, and how it was published."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from bench.lungs.chest import smooth_field
from cxr_tasks.data.phantom.anatomy import IMAGE_SIZE_PX, FloatImage, blur

_SIZE = IMAGE_SIZE_PX
_P_BORDER = 0.25


def take_film(attenuation: FloatImage, rng: Generator) -> NDArray[np.uint8]:
    """Return the published picture of a patient, uint8, of the same size."""
    field = attenuation + _devices(rng) + _unevenness(rng)
    field = field + rng.uniform(0.0, 0.09) * rng.standard_normal(field.shape, np.float32)
    field = gaussian_filter(field, rng.uniform(0.3, 1.6), truncate=2.5)
    if rng.random() < 0.35:  # as consoles equalise contrast
        low = blur(field, rng.uniform(12, 40))
        field = field - rng.uniform(0.2, 0.8) * (low - low.mean())
    low, high = np.quantile(field, rng.uniform((0, 0.9), (0.12, 1.0)))
    middle, gain = rng.uniform(0.3, 0.75), rng.uniform(1.8, 6.0)
    grey = 1 / (1 + np.exp(gain * (middle - (field - low) / max(high - low, 0.2))))
    grey = (grey - grey.min()) / max(float(np.ptp(grey)), 1e-3)
    black, white = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    grey = (black + (white - black) * grey) * 255
    return _annotated(np.rint(grey).astype(np.uint8), rng)


def with_border(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], rng: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Put a picture, and its mask, into a black or white border, by chance."""
    if rng.random() > _P_BORDER:
        return pixels, mask
    left, top, right, low = (rng.integers(0, 24, size=4) * (rng.random(4) < 0.6)).tolist()
    size = (_SIZE - left - right, _SIZE - top - low)
    tone = int(rng.choice((0, 255), p=(0.7, 0.3)))
    framed = []
    for content, around in ((pixels, tone), (mask, 0)):
        canvas = Image.new("L", (_SIZE, _SIZE), around)
        inner = Image.fromarray(content).resize(size, Image.Resampling.BILINEAR)
        canvas.paste(inner, (left, top))
        framed.append(np.asarray(canvas))
    return framed[0], framed[1]


def _unevenness(rng: Generator) -> FloatImage:
    """Slow changes over the film: its turn to the beam, the heel effect, the grid."""
    axis = np.linspace(-0.5, 0.5, _SIZE, dtype=np.float32)
    across, down = rng.normal(size=2) * 0.3
    tilt = across * axis[None, :] + down * axis[:, None]
    return np.asarray(tilt + rng.uniform(0, 0.15) * smooth_field(rng, 50), np.float32)


def _devices(rng: Generator) -> FloatImage:
    """Wires, tubes, electrodes and boxes on the patient."""
    canvas = Image.new("L", (_SIZE, _SIZE))
    pen = ImageDraw.Draw(canvas)
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 5))):
            points = np.cumsum(rng.normal(size=(8, 2)) * 22, axis=0) + rng.uniform(0, _SIZE, 2)
            pen.line(
                points.ravel().tolist(),
                fill=int(rng.integers(60, 255)),
                width=int(rng.integers(1, 4)),
            )
    if rng.random() < 0.25:
        for x, y in rng.uniform(20, _SIZE - 20, size=(int(rng.integers(1, 5)), 2)).tolist():
            r = rng.uniform(3, 7)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.integers(80, 255)))
    if rng.random() < 0.08:
        x, y, w, h = rng.uniform((0, 0, 15, 15), (200, 200, 60, 60)).tolist()
        pen.rectangle((x, y, x + w, y + h), fill=int(rng.integers(60, 160)))
    return np.asarray(canvas, np.float32) * np.float32(rng.uniform(0.3, 0.9) / 255)


def _annotated(grey: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Draw letters, on a box or not, at the sides."""
    picture = Image.fromarray(grey)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.choice(3, p=(0.45, 0.4, 0.15)))):
        _letter(pen, rng)
    return np.asarray(picture)


def _letter(pen: ImageDraw.ImageDraw, rng: Generator) -> None:
    x, y = rng.uniform(2, 40), rng.uniform(2, 60)
    x = _SIZE - x - 14 if rng.random() < 0.5 else x
    y = _SIZE - y - 14 if rng.random() < 0.25 else y
    text = str(rng.choice(("R", "L", "A", "B", "C", "AP", "PORTABLE", "SUPINE", "1")))
    size = rng.uniform(8, 24)
    if rng.random() < 0.4:
        box = int(rng.choice((0, 128, 255)))
        pen.rectangle((x - 3, y - 3, x + 0.8 * size, y + 1.2 * size), fill=box)
        pen.text((x, y), text[0], fill=255 - box if box != 128 else 255, font=_font(size))
        return
    pen.text((x, y), text, fill=int(rng.choice((0, 255), p=(0.15, 0.85))), font=_font(size))


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
