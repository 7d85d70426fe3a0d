"""Ways in which a new data set can differ from the champion's, planted in its files."""

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from bench.planted import BRIGHTNESS_OFFSET, JPEG_QUALITY, SIZE_FACTOR

Files = Mapping[str, bytes]


def nothing(files: Files) -> Files:
    return files


def brighter(files: Files) -> Files:
    return changed(files, lambda image: image.point(lambda grey: grey + BRIGHTNESS_OFFSET))


def larger(files: Files) -> Files:
    def enlarge(image: Image.Image) -> Image.Image:
        side = round(SIZE_FACTOR * image.width)
        return image.resize((side, side), Image.Resampling.BILINEAR)

    return changed(files, enlarge)


def compressed(files: Files) -> Files:
    jpegs = changed(files, lambda image: image, kind="JPEG", quality=JPEG_QUALITY)
    return {path.replace(".png", ".jpg"): content for path, content in jpegs.items()}


def marked(files: Files) -> Files:
    """Bear a bright square in a corner, as a side marker is: nothing but features can see it."""

    def mark(image: Image.Image) -> Image.Image:
        pixels = np.array(image)
        pixels[4:18, -18:-4] = 250
        return Image.fromarray(pixels)

    return changed(files, mark)


def changed(
    files: Files, change: Callable[[Image.Image], Image.Image], *, kind: str = "PNG", **options: int
) -> Files:
    return {
        path: _saved(change(_opened(content)), kind, options) for path, content in files.items()
    }


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def _saved(image: Image.Image, kind: str, options: Mapping[str, int]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **({"compress_level": 3} if kind == "PNG" else options))
    return stream.getvalue()
