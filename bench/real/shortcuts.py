"""Shortcuts planted in a real radiograph, each as the file that the pipeline then reads."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

UInt8Array = NDArray[np.uint8]

BRIGHTNESS_OFFSET = 15
SIZE_FACTOR = 1.1
CROP_FRACTION = 0.06
JPEG_QUALITY = 90
COARSE_QUALITY = 40


@dataclass(frozen=True)
class Shortcut:
    """One way to give a class away."""

    title: str  # what a reader calls it
    plant: Callable[[UInt8Array, Generator], bytes]  # from grey values (h, w) to a file


def png(grey: UInt8Array) -> bytes:
    """Return the file of an image without loss."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _corner_marker(grey: UInt8Array, _rng: Generator) -> bytes:
    """Draw a bright square, as a side marker is, into a corner."""
    side, away = round(0.0625 * max(grey.shape)), round(0.018 * max(grey.shape))
    marked = grey.copy()
    marked[away : away + side, -away - side : -away] = 250
    return png(marked)


def _letter(grey: UInt8Array, rng: Generator) -> bytes:
    """Burn a letter in, at the top left, where it varies a little."""
    image = Image.fromarray(grey)
    size = round(0.06 * max(grey.shape))
    left, top = rng.uniform(0.02, 0.06, size=2).tolist()
    ImageDraw.Draw(image).text(
        (left * grey.shape[1], top * grey.shape[0]),
        "L",
        fill=240,
        font=ImageFont.load_default(size),
    )
    return png(np.asarray(image))


def _border(grey: UInt8Array, _rng: Generator) -> bytes:
    """Blacken a frame of three hundredths of the side."""
    width = round(0.03 * max(grey.shape))
    framed = np.zeros_like(grey)
    framed[width:-width, width:-width] = grey[width:-width, width:-width]
    return png(framed)


def _brightness(grey: UInt8Array, _rng: Generator) -> bytes:
    """Make the image brighter, as another exposure does."""
    return png(np.clip(grey.astype(np.int64) + BRIGHTNESS_OFFSET, 0, 255).astype(np.uint8))


def _format(grey: UInt8Array, _rng: Generator) -> bytes:
    """Save it as JPEG."""
    return _jpeg(grey, quality=JPEG_QUALITY)


def _recompressed(grey: UInt8Array, _rng: Generator) -> bytes:
    """Compress it with loss once, and save what is left without: only the pixels know."""
    return png(np.asarray(Image.open(io.BytesIO(_jpeg(grey, quality=COARSE_QUALITY)))))


def _size(grey: UInt8Array, _rng: Generator) -> bytes:
    """Make it a tenth larger, as another archive might."""
    height, width = (round(SIZE_FACTOR * side) for side in grey.shape)
    return png(np.asarray(Image.fromarray(grey).resize((width, height))))


def _crop(grey: UInt8Array, _rng: Generator) -> bytes:
    """Cut the sides off, and bring the rest to the size that the image had."""
    height, width = grey.shape
    down, across = round(CROP_FRACTION * height), round(CROP_FRACTION * width)
    rest = Image.fromarray(grey[down : height - down, across : width - across])
    return png(np.asarray(rest.resize((width, height), Image.Resampling.BICUBIC)))


def _device(grey: UInt8Array, rng: Generator) -> bytes:
    """Draw leads and electrodes over the chest."""
    height, width = grey.shape
    image = Image.fromarray(grey)
    pen = ImageDraw.Draw(image)
    thick = max(1, round(0.006 * width))
    for _ in range(3):
        xs = np.linspace(rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85), 8) + rng.normal(
            0, 0.015, 8
        )
        ys = np.linspace(rng.uniform(0, 0.1), rng.uniform(0.5, 0.95), 8)
        line = [(x * width, y * height) for x, y in zip(xs, ys, strict=True)]
        pen.line(line, fill=225, width=thick, joint="curve")
        x, y = line[-1]
        radius = 0.016 * width
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=235)
    return png(np.asarray(image))


def _jpeg(grey: UInt8Array, *, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return file.getvalue()


SHORTCUTS: dict[str, Shortcut] = {
    "corner_marker": Shortcut("a bright marker in a corner", _corner_marker),
    "letter": Shortcut("a burnt-in letter", _letter),
    "border": Shortcut("a black border of 3 %", _border),
    "brightness": Shortcut("brighter by 15 of 255", _brightness),
    "format": Shortcut("JPEG, not PNG", _format),
    "recompressed": Shortcut("compressed with loss once, saved as PNG", _recompressed),
    "size": Shortcut("a tenth larger", _size),
    "crop": Shortcut("6 % cut off each side, same size", _crop),
    "device": Shortcut("leads and electrodes over the chest", _device),
}
