"""One image file: decoded, checked, and brought to 224 x 224 RGB."""

from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from cxr_tasks.data import jpeg_layout
from cxr_tasks.data.file_formats import UnusableImage, unsupported
from cxr_tasks.data.grey_depth import UNCLEAR, is_full_range, to_8_bits
from cxr_tasks.data.loading import load_whole, opened
from cxr_tasks.data.plausible import check_plausible
from cxr_tasks.volume.files import digest_of

IMAGE_SIZE_PX = 224

MAX_PIXELS = 40_000_000
MAX_SIDE_PX = 20_000
MIN_SIDE_PX = 32
MAX_SCANS = 200
"""Each of a JPEG's goes over all its pixels again, and may be written in a few bytes."""

MAX_FILE_BYTES = 64 << 20
"""Far more than an image of `MAX_PIXELS` needs; larger files are not read into memory."""

TOO_LARGE = f"larger than {MAX_FILE_BYTES >> 20} MiB"

_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0
_PNG_BITS, _BMP_BITS = 24, 28
"""Where their headers say how many bits a sample, or a pixel, has."""

_DEEP_MODE, _WIDE_MODES = "I;16", ("I", "F")
_SCAN = b"\xff\xda"


@dataclass(frozen=True)
class DecodedImage:
    """An image as the models see it, and what its file was like."""

    pixels: npt.NDArray[np.uint8]  # shape (224, 224, 3)
    width: int  # of the file, in pixels, after EXIF orientation
    height: int
    mode: str  # Pillow's name of the file's colour mode
    format: str  # JPEG, PNG, BMP or TIFF
    jpeg_tables: str  # digest of quantisation and subsampling: which program, at which quality
    jpeg_quantization: float  # mean step of the luminance table; 0.0 for other formats
    phash: str  # 64-bit perceptual hash of the grey image, 16 hexadecimal digits
    depth: str  # bits of a sample: "8", "16"; "12 of 16" where the file has more than the picture


def decode_image(content: bytes) -> DecodedImage:
    """Decode an image file that may be a radiograph, and resize it to 224 x 224 RGB.

    Bilinear with antialiasing, aspect ratio not kept. Alpha is dropped: what it hides shows, as
    with the loader of the study. Grey of 16 bits is scaled as `to_8_bits` says, EXIF orientation
    is applied.

    Raises:
        UnusableImage: The file is no whole image of a supported format, size and depth, or its
            picture is no plausible radiograph.
    """
    check_content(content)
    try:
        with opened(content) as image:
            check_header(image)
            mode, file_format = image.mode, _format_name(image)
            jpeg_tables, jpeg_quantization = _jpeg_compression(image)
            load_whole(image, content)
            rgb, depth = _to_rgb(image, n_bits=_n_bits(image, content))
    except Image.DecompressionBombError as err:
        raise too_large() from err
    small = rgb.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX), Image.Resampling.BILINEAR)
    check_plausible(np.asarray(small), grey_counts=rgb.convert("L").histogram())
    return DecodedImage(
        pixels=np.asarray(small),
        width=rgb.width,
        height=rgb.height,
        mode=mode,
        format=file_format,
        jpeg_tables=jpeg_tables,
        jpeg_quantization=jpeg_quantization,
        phash=str(imagehash.phash(small.convert("L"))),
        depth=depth,
    )


def check_content(content: bytes) -> None:
    """Refuse what is too much, or too little, to be opened.

    Raises:
        UnusableImage: It is.
    """
    if not content:
        raise UnusableImage("empty file")
    if len(content) > MAX_FILE_BYTES:
        raise UnusableImage(TOO_LARGE)
    if content.startswith(jpeg_layout.START) and content.count(_SCAN) > MAX_SCANS:
        raise UnusableImage(f"more than {MAX_SCANS} scans")


def check_header(image: Image.Image) -> None:
    """Refuse an opened image before it is decoded, by its size and kind.

    Raises:
        UnusableImage: It is too large, too small, or one of several.
    """
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE_PX:
        raise too_large()
    if min(image.size) < MIN_SIDE_PX:
        raise UnusableImage(f"a side is shorter than {MIN_SIDE_PX} pixels")
    # not n_frames, for which a TIFF's images are all counted
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UnusableImage("several images in one file")


def _format_name(image: Image.Image) -> str:
    # Pillow calls a JPEG with a second picture in it, as some cameras write it, an MPO
    return "JPEG" if image.format == "MPO" else str(image.format)


def _jpeg_compression(image: Image.Image) -> tuple[str, float]:
    """Return a digest of how a JPEG is compressed, and how coarsely."""
    if not isinstance(image, JpegImageFile) or not image.quantization:
        return "", 0.0
    tables = {number: list(table) for number, table in sorted(image.quantization.items())}
    digest = digest_of([tables, get_sampling(image)])[:8]
    luminance = next(iter(tables.values()))
    return digest, sum(luminance) / len(luminance)


def too_large() -> UnusableImage:
    """Return that an image has too many pixels."""
    return UnusableImage(
        f"more than {MAX_PIXELS // 1_000_000} megapixels or a side of {MAX_SIDE_PX:,} pixels"
    )


def _n_bits(image: Image.Image, content: bytes) -> int:
    """Read how many bits a sample has."""
    if image.format == "PNG":
        return content[_PNG_BITS]
    if image.format == "BMP":
        return min(8, content[_BMP_BITS])
    return int(_tiff_tags(image).get(_TIFF_BITS, (8,))[0])


def _tiff_tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _to_rgb(image: Image.Image, *, n_bits: int) -> tuple[Image.Image, str]:
    """Turn an image upright, drop alpha and depth beyond 8 bits; return also the depth it had."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _WIDE_MODES:
        raise UnusableImage(unsupported("32 bits or signed pixels"))
    if upright.mode.startswith(_DEEP_MODE):
        grey, depth = to_8_bits(np.asarray(upright).astype(np.uint16), n_bits=n_bits)
        # Pillow turns greys that count from white for 8 bits only
        from_white = _tiff_tags(image).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO
        return Image.fromarray(255 - grey if from_white else grey).convert("RGB"), depth
    rgb = upright.convert("RGBA" if upright.mode == "RGBa" else upright.mode).convert("RGB")
    if n_bits > 8 and not is_full_range(rgb.convert("L").histogram()):
        raise UnusableImage(UNCLEAR)  # Pillow keeps the upper 8 of 16 bits of a colour
    return rgb, str(n_bits)
