"""Lung masks as files beside an image's own name, in its own size."""

import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cxr_tasks.errors import ConfigError, first_few
from cxr_tasks.volume.files import writing

_SMOOTH_PX = 1.0  # of the mask's 224, so that an enlarged edge shows no steps
_OUTLINE = (255, 64, 64)
_OVERLAY_SIDE_PX = 448


def name_masks(paths: Sequence[str], *, roots: Sequence[str]) -> dict[str, str]:
    """Return the name of each image's mask: the image's own below its root, ending in `.png`.

    Args:
        paths: Of images, absolute.
        roots: What was asked for, absolute: folders or archives that hold them, or images.

    Raises:
        ConfigError: Two images would have one mask.
    """
    names = {path: _name_below(path, roots) for path in paths}
    paths_of = defaultdict(list)
    for path, name in names.items():
        paths_of[name].append(path)
    if shared := {name: of for name, of in paths_of.items() if len(of) > 1}:
        raise ConfigError(
            "Some images would have one mask: "
            + first_few([f"{name!r} of {first_few(of)}" for name, of in shared.items()])
            + ".",
            "A mask has its image's name below the path given, ending in .png.",
            "Rename the images, or write their masks to two folders.",
        )
    return names


def as_png(mask: NDArray[np.bool_], *, width: int, height: int) -> bytes:
    """Return a mask as a grey PNG file of 0 and 255, of so many pixels.

    Args:
        mask: Shape (224, 224).
        width: Of the image that it belongs to.
        height: Likewise.
    """
    smooth = Image.fromarray(gaussian_filter(mask.astype(np.float32), _SMOOTH_PX))
    whole = np.asarray(smooth.resize((width, height), Image.Resampling.BILINEAR))
    return _file_of(Image.fromarray(np.where(whole > 0.5, np.uint8(255), np.uint8(0))))


def overlay_png(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], *, width: int, height: int
) -> bytes:
    """Return an image with its mask's outline, in the image's shape but small, as a PNG file."""
    scale = _OVERLAY_SIDE_PX / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    inside = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    picture[_edge(inside)] = _OUTLINE
    return _file_of(Image.fromarray(picture))


def put(path: Path, content: bytes | None, *, overwrite: bool) -> bool:
    """Write a file, unless it is there with this content; None: there should be none.

    Returns:
        Whether a mask or overlay of an earlier time was taken away.

    Raises:
        ConfigError: There is another file, and it may not be overwritten; or none can be written.
    """
    try:
        before = path.read_bytes() if path.is_file() else None
        if before == content:
            return False
        if before is not None and not overwrite:
            raise ConfigError(
                f"{str(path)!r} is there already, with another content.",
                "What is there is never overwritten unasked.",
                "Name another folder with --out, or give --overwrite.",
            )
        if content is None:
            path.unlink()
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as stream:
            stream.write(content)
    except OSError as err:
        raise ConfigError(
            f"{str(path)!r} cannot be written: {err.strerror or err}.",
            "Masks go into a folder that exists or can be made, and that may be written to.",
            "Name another one with --out or --overlay.",
        ) from err
    return False


def _name_below(path: str, roots: Sequence[str]) -> str:
    for root in roots:
        if path.startswith(f"{root}/"):
            return str(PurePosixPath(path.removeprefix(f"{root}/")).with_suffix(".png"))
    return PurePosixPath(path).with_suffix(".png").name


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(inside, 1)
    middle = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = inside & ~middle
    return edge


def _file_of(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
