"""The mask of an image's lungs: decoded, checked, and brought to the image's own size."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import IMAGE_SIZE_PX, check_content, check_header, too_large
from cxr_tasks.data.loading import load_whole, opened

MAX_ASPECT_DEVIATION = 0.02
"""How far the width to height of a mask may be from the image's, as a fraction of that."""

MAX_LUNG_FRACTION = 0.95

MAX_MIDDLE_FRACTION = 0.05
"""Of the pixels, at a third to two thirds of the brightest: edges that are blurred have some."""

_MAX_LABEL = 16
"""Up to here values are numbers of structures, such as 1 and 2 for the two lungs, and no greys."""

_GREY_MODES = ("1", "L", "I", "F")

NO_LUNG = "a mask without lungs"
ALL_LUNG = f"a mask of more than {MAX_LUNG_FRACTION:.0%} of the image"
INVERTED = "a mask whose four corners are lung, as of an inverted one"
OTHER_SHAPE = "a mask of another shape than the image"
GREY = "a mask with more than black and white"

Mask = npt.NDArray[np.bool_]


def decode_mask(content: bytes, *, width: int, height: int) -> Mask:
    """Decode the mask of an image, and resize it as the image is: shape (224, 224), True is lung.

    Lung is what is brighter than half of the brightest value in the strongest colour; of small
    numbers, whatever is not 0. Resized by areas: a pixel of which half is lung is lung.

    Args:
        content: Of a file in one of the formats of images.
        width: Of the image, in pixels, after EXIF orientation.
        height: Likewise.

    Raises:
        UnusableImage: It cannot be decoded, has other proportions than the image, shows more
            than two levels, no lung, hardly anything else, or lung in all four corners.
    """
    check_content(content)
    try:
        with opened(content) as image:
            check_header(image)
            load_whole(image, content)
            values = _values(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as err:
        raise too_large() from err
    rows, columns = values.shape
    if abs(columns * height / (rows * width) - 1) > MAX_ASPECT_DEVIATION:
        raise UnusableImage(OTHER_SHAPE)
    lungs = Image.fromarray(255 * _lungs(values).astype(np.uint8))
    small = lungs.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX), Image.Resampling.BOX)
    mask: Mask = np.asarray(small) >= 128
    if not mask.any():
        raise UnusableImage(NO_LUNG)
    if mask.mean() > MAX_LUNG_FRACTION:
        raise UnusableImage(ALL_LUNG)
    if mask[[0, 0, -1, -1], [0, -1, 0, -1]].all():
        raise UnusableImage(INVERTED)
    return mask


def _values(image: Image.Image) -> npt.NDArray[np.float32]:
    """Return the grey of each pixel, or its strongest colour; alpha is dropped as from images."""
    if not image.mode.startswith(_GREY_MODES) or image.mode == "LA":
        image = image.convert("RGBA" if image.mode == "RGBa" else image.mode).convert("RGB")
    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    return values if values.ndim == 2 else values.max(axis=2)


def _lungs(values: npt.NDArray[np.float32]) -> Mask:
    brightest = values.max()
    if brightest <= _MAX_LABEL:
        return np.asarray(values > 0)
    relative = values / brightest
    if np.mean((relative > 1 / 3) & (relative < 2 / 3)) > MAX_MIDDLE_FRACTION:
        raise UnusableImage(GREY)
    return np.asarray(relative > 0.5)
