import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.plausible import BLANK
from tests.image_files import encode, picture, png_header

GREY = picture().convert("L")


def as_pixels(image: Image.Image) -> np.ndarray:
    """What any file of this RGB image should decode to."""
    return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))


def reason_of(content: bytes) -> str:
    with pytest.raises(UnusableImage) as caught:
        decode_image(content)
    return caught.value.reason


@pytest.mark.parametrize(
    ("file_format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 6),
        ("JPEG", {"quality": 98, "subsampling": 0, "progressive": True}, 6),
    ],
)
def test_formats(file_format: str, options: dict[str, object], tolerance: int) -> None:
    decoded = decode_image(encode(picture(), file_format, **options))
    assert (decoded.width, decoded.height) == (60, 40)
    assert (decoded.mode, decoded.format) == ("RGB", file_format)
    assert decoded.pixels.shape == (224, 224, 3)
    assert decoded.pixels.dtype == np.uint8
    difference = decoded.pixels.astype(int) - as_pixels(picture())
    assert abs(difference).max() <= tolerance


@pytest.mark.parametrize(
    ("image", "file_format"),
    [
        (GREY, "PNG"),
        (GREY, "JPEG"),
        (GREY, "BMP"),
        (GREY, "TIFF"),
        (picture().quantize(16), "PNG"),
        (picture().quantize(16), "BMP"),
        (GREY.convert("LA"), "PNG"),
        (picture().convert("RGBA"), "PNG"),
        (picture().convert("CMYK"), "TIFF"),
        (picture().convert("CMYK"), "JPEG"),
        (picture().convert("YCbCr"), "TIFF"),
        (picture().convert("LAB"), "TIFF"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_colour_modes(image: Image.Image, file_format: str) -> None:
    decoded = decode_image(encode(image, file_format))
    assert decoded.mode == image.mode
    difference = decoded.pixels.astype(int) - as_pixels(image.convert("RGB"))
    assert abs(difference).mean() < 3


@pytest.mark.parametrize("alpha", [0, 1, 128, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_dropped_and_what_it_hides_shows(mode: str, alpha: int) -> None:
    hidden = picture().convert(mode)
    hidden.putalpha(alpha)
    shown = as_pixels(picture().convert(mode).convert("RGB"))
    assert (decode_image(encode(hidden)).pixels == shown).all()


@pytest.mark.parametrize("transparency", [0, 5, bytes(range(16))])
def test_transparent_entries_of_a_palette_show(transparency: object) -> None:
    image = picture().quantize(16)
    shown = as_pixels(image.convert("RGB"))
    assert (decode_image(encode(image, transparency=transparency)).pixels == shown).all()


def test_blank_picture_below_its_alpha_is_refused() -> None:
    image = Image.new("LA", (60, 40), (128, 0))
    image.putalpha(GREY)
    assert reason_of(encode(image)) == BLANK


@pytest.mark.parametrize(
    "pixels",
    [
        np.tile(np.linspace(0, 1, 60, dtype=np.float32), (40, 1)),
        np.tile(np.linspace(-100, 900, 60).astype(np.int32), (40, 1)),
        np.full((40, 60), np.nan, dtype=np.float32),
    ],
)
def test_pixels_of_32_bits_are_not_supported(pixels: np.ndarray) -> None:
    content = encode(Image.fromarray(pixels), "TIFF")
    assert "not supported (32 bits or signed pixels)" in reason_of(content)


def test_deep_tiff_that_counts_from_white_is_turned() -> None:
    ramp = np.tile(np.linspace(0, 65535, 60).astype(np.uint16), (40, 1))
    content = encode(Image.fromarray(ramp), "TIFF", tiffinfo={262: 0})
    row = decode_image(content).pixels[100, :, 0]
    assert (row[0], row[-1]) == (255, 0)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied(file_format: str, *, deep: bool) -> None:
    ramp = np.tile(np.linspace(250, 0, 60).round().astype(np.uint8), (40, 1))
    upright = Image.fromarray(ramp)
    stored = upright.transpose(Image.Transpose.ROTATE_90)  # shown right after turning clockwise
    if deep and file_format != "JPEG":
        stored = Image.fromarray(np.asarray(stored).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[274] = 6
    decoded = decode_image(encode(stored, file_format, exif=exif))
    assert (decoded.width, decoded.height) == (60, 40)
    assert decoded.pixels[100, 5, 0] > 240
    assert decoded.pixels[100, 218, 0] < 15


def test_large_image_is_resized_without_aliasing() -> None:
    ramp = np.linspace(0, 200, 2000).round().astype(np.uint8)
    stripes = np.tile(ramp, (1000, 1)) + np.tile(np.array([0, 55], np.uint8), (1000, 1000))
    row = decode_image(encode(Image.fromarray(stripes))).pixels[100, :, 0].astype(int)
    assert abs(row - np.linspace(27, 227, 224)).max() <= 10


def test_perceptual_hash_survives_scaling_and_compression() -> None:
    one = decode_image(encode(picture(width=600, height=400)))
    same = decode_image(encode(picture(width=300, height=200), "JPEG", quality=70))
    other = decode_image(encode(picture(seed=1)))
    assert len(one.phash) == 16
    assert (int(one.phash, 16) ^ int(same.phash, 16)).bit_count() <= 6
    assert (int(one.phash, 16) ^ int(other.phash, 16)).bit_count() > 12


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("kept_fraction", [0.5, 0.9])
def test_truncated(file_format: str, kept_fraction: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
    content = encode(Image.fromarray(noise), file_format)
    assert reason_of(content[: int(len(content) * kept_fraction)]) == "truncated"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"name,label\n", "not an image"),
        (encode(GREY, "GIF"), "this format is not supported (GIF): export as PNG"),
        (encode(GREY, "WEBP"), "this format is not supported (WebP): export as PNG"),
        (encode(GREY)[:20], "truncated"),
        (encode(GREY)[:10] + bytes(90), "damaged"),
        (encode(picture(width=31)), "a side is shorter than 32 pixels"),
        (encode(GREY, "TIFF", save_all=True, append_images=[GREY]), "several images in one file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(content) == reason


@pytest.mark.parametrize("size", [(50_000, 50_000), (8_001, 5_000), (20_001, 40), (10_000, 10_000)])
def test_too_large_costs_nothing(size: tuple[int, int]) -> None:
    content = png_header(*size)
    tracemalloc.start()
    started = time.process_time()
    assert "more than 40 megapixels" in reason_of(content)
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_damaged_bytes_only_ever_raise_unusable_image() -> None:
    rng = np.random.default_rng(0)
    for file_format in ("JPEG", "PNG", "BMP", "TIFF"):
        whole = encode(picture(), file_format)
        for _ in range(100):
            content = np.frombuffer(whole, dtype=np.uint8).copy()
            content[rng.integers(0, min(300, len(content)), 8)] = rng.integers(0, 256, 8)
            with suppress(UnusableImage):
                decode_image(content.tobytes())


def test_compression_of_a_jpeg_is_told_and_other_formats_have_none() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (40, 40), dtype=np.uint8)).convert("RGB")
    coarse, again, fine = (
        decode_image(encode(image, "JPEG", quality=quality)) for quality in (60, 60, 95)
    )
    assert coarse.jpeg_tables == again.jpeg_tables != fine.jpeg_tables
    assert len(coarse.jpeg_tables) == 8
    assert coarse.jpeg_quantization > fine.jpeg_quantization > 1
    sampled = decode_image(encode(image, "JPEG", quality=60, subsampling=0))
    assert sampled.jpeg_tables != coarse.jpeg_tables
    png = decode_image(encode(image, "PNG"))
    assert (png.jpeg_tables, png.jpeg_quantization) == ("", 0.0)
