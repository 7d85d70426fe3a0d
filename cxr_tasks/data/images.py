"""One image file: decoded, checked, and brought to 224 x 224 RGB."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from cxr_tasks.files import digest_of

IMAGE_SIZE_PX = 224
MAX_PIXELS = 40_000_000
MAX_SIDE_PX = 20_000
MIN_SIDE_PX = 32
MAX_SCANS = 200
"""Each of a JPEG's goes over all its pixels again, and may be written in a few bytes."""

MAX_FILE_BYTES = 64 << 20
"""Far more than an image of `MAX_PIXELS` needs; larger files are not read into memory."""

TOO_LARGE = f"larger than {MAX_FILE_BYTES >> 20} MiB"

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")

_TIFF_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
_DEEP_MODES = ("I", "F")
_JPEG, _SCAN = b"\xff\xd8\xff", b"\xff\xda"
_STARTS = (_JPEG, b"\x89PNG", b"II*\0", b"MM\0*", b"BM")
_OTHER_STARTS = {
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
}
_DICOM = slice(128, 132)


class UnusableImage(Exception):  # noqa: N818 - what it is about; a stage counts it and goes on
    """An image cannot be used.

    Attributes:
        reason: A short English phrase, the same for every file with this fault.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class DecodedImage:
    """An image as the models see it, and what its file was like.

    Attributes:
        pixels: uint8, shape (224, 224, 3).
        width: Of the file, in pixels, after EXIF orientation.
        height: Likewise.
        mode: Pillow's name of the file's colour mode.
        format: One of `FORMATS`.
        jpeg_tables: Short digest of a JPEG's quantisation tables and subsampling: which program
            wrote it at which quality; empty for other formats.
        jpeg_quantization: Mean step of its luminance table; 0.0 for other formats.
        phash: 64-bit perceptual hash of the grey image, 16 hexadecimal digits.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    mode: str
    format: str
    jpeg_tables: str
    jpeg_quantization: float
    phash: str


def decode_image(content: bytes) -> DecodedImage:
    """Decode an image file and resize it to 224 x 224 RGB.

    Bilinear with antialiasing, aspect ratio not kept. Alpha is dropped over black, deep grey
    (16 bits and more) is scaled by its own range, EXIF orientation is applied.

    Raises:
        UnusableImage: The file is no whole image of an allowed format, size and colour mode.
    """
    if not content:
        raise UnusableImage("empty file")
    if len(content) > MAX_FILE_BYTES:
        raise UnusableImage(TOO_LARGE)
    if content.startswith(_JPEG) and content.count(_SCAN) > MAX_SCANS:
        raise UnusableImage(f"more than {MAX_SCANS} scans")
    with _pillow_in_words(content), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_header(image)
        mode, file_format = image.mode, _format_name(image)
        jpeg_tables, jpeg_quantization = _jpeg_compression(image)
        image.load()
        upright = ImageOps.exif_transpose(_inverted_if_white_is_zero(image))
        rgb = _to_rgb(upright)
    small = rgb.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX), Image.Resampling.BILINEAR)
    return DecodedImage(
        pixels=np.asarray(small),
        width=upright.width,
        height=upright.height,
        mode=mode,
        format=file_format,
        jpeg_tables=jpeg_tables,
        jpeg_quantization=jpeg_quantization,
        phash=str(imagehash.phash(small.convert("L"))),
    )


@contextmanager
def _pillow_in_words(content: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises about a file into a reason."""
    try:
        with warnings.catch_warnings():
            # about metadata that Pillow cannot read; the pixels are checked here
            warnings.simplefilter("ignore")
            yield
    except (UnusableImage, MemoryError):
        raise
    except Image.DecompressionBombError as err:
        raise _too_large() from err
    except UnidentifiedImageError as err:
        raise UnusableImage(_what_it_is(content)) from err
    except Exception as err:  # a damaged file makes Pillow's readers raise almost anything
        cut = isinstance(err, EOFError) or "truncat" in str(err).lower()
        raise UnusableImage("truncated" if cut else "damaged") from err


def _what_it_is(content: bytes) -> str:
    if content.startswith(_STARTS):
        return "damaged"
    if content[_DICOM] == b"DICM":
        return "format not allowed (DICOM)"
    for start, name in _OTHER_STARTS.items():
        if content.startswith(start):
            return f"format not allowed ({name})"
    return "not an image"


def _format_name(image: Image.Image) -> str:
    # Pillow calls a JPEG with a second picture in it, as some cameras write it, an MPO
    return "JPEG" if image.format == "MPO" else str(image.format)


def _jpeg_compression(image: Image.Image) -> tuple[str, float]:
    """Give a digest of how a JPEG is compressed, and how coarsely."""
    if not isinstance(image, JpegImageFile) or not image.quantization:
        return "", 0.0
    tables = {number: list(table) for number, table in sorted(image.quantization.items())}
    digest = digest_of([tables, get_sampling(image)])[:8]
    luminance = next(iter(tables.values()))
    return digest, sum(luminance) / len(luminance)


def _check_header(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE_PX:
        raise _too_large()
    if min(image.size) < MIN_SIDE_PX:
        raise UnusableImage(f"a side is shorter than {MIN_SIDE_PX} pixels")
    # not n_frames, for which a TIFF's images are all counted
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UnusableImage("several images in one file")


def _too_large() -> UnusableImage:
    return UnusableImage(
        f"more than {MAX_PIXELS // 1_000_000} megapixels or a side of {MAX_SIDE_PX:,} pixels"
    )


def _inverted_if_white_is_zero(image: Image.Image) -> Image.Image:
    """Turn deep TIFF greys that count from white; Pillow does so for 8 bits only."""
    tags: Any = getattr(image, "tag_v2", {})
    if not _is_deep(image) or tags.get(_TIFF_PHOTOMETRIC) != _WHITE_IS_ZERO:
        return image
    return Image.fromarray(-_as_floats(image))


def _to_rgb(image: Image.Image) -> Image.Image:
    if _is_deep(image):
        image = _scaled_by_range(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        # colours multiplied by alpha are what is seen over black
        over_black = image.convert("RGBA").convert("RGBa")
        return Image.merge("RGB", over_black.split()[:3])
    return image.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in _DEEP_MODES


def _scaled_by_range(image: Image.Image) -> Image.Image:
    values = _as_floats(image)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise UnusableImage("pixel values that are no numbers")
    values -= low
    if high > low:
        values *= 255 / (high - low)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _as_floats(image: Image.Image) -> npt.NDArray[np.float32]:
    return np.asarray(image).astype(np.float32)
