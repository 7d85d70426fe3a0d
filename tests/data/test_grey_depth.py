"""16 bits brought to 8: the same radiograph in 8, 10, 12, 14 or 16 bits is the same picture."""

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.grey_depth import UNCLEAR, to_8_bits
from cxr_tasks.data.images import decode_image
from tests.image_files import encode, made_png, picture

GREY = np.asarray(picture(width=300, height=200).convert("L"))


def deep(n_bits: int, grey: np.ndarray = GREY) -> np.ndarray:
    """The picture with the white of another depth."""
    return np.rint(grey / 255.0 * ((1 << n_bits) - 1)).astype(np.uint16)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("values", "depth"),
    [
        (deep(8), "8 of 16"),
        (deep(10), "10 of 16"),
        (deep(12), "12 of 16"),
        (deep(14), "14 of 16"),
        (deep(16), "16"),
        (deep(8) * 256, "16"),
        (deep(8) // 3 * 257, "16"),
        (deep(12) * 16, "16"),
        (deep(14) * 4, "16"),
    ],
    ids=["8", "10", "12", "14", "16", "shifted", "dark", "12 shifted", "14 shifted"],
)
def test_any_depth_gives_the_picture_of_8_bits(
    values: np.ndarray, depth: str, file_format: str
) -> None:
    decoded = decode_image(encode(Image.fromarray(values), file_format))
    assert (decoded.mode, decoded.depth) == ("I;16", depth)
    expected = GREY // 3 if values.max() < 30_000 and depth == "16" else GREY
    same = decode_image(encode(Image.fromarray(expected)))
    assert same.depth == "8"
    assert abs(decoded.pixels.astype(int) - same.pixels).max() <= 1


def hot(values: np.ndarray) -> np.ndarray:
    values[100, 100] = values[3, 7] = 65535
    return values


def with_text(values: np.ndarray) -> np.ndarray:
    values[5:15, 5:85] = 65535
    values[5:15, 85:95] = np.linspace(65535, 0, 10)  # its edges
    return values


def padded(values: np.ndarray) -> np.ndarray:
    values[:, :120] = 0
    return values


def bordered(values: np.ndarray) -> np.ndarray:
    values[:20], values[-20:] = 65535, 65535
    return values


def with_two_bars(values: np.ndarray) -> np.ndarray:
    values[:10], values[-10:] = 65535, 60000
    return values


def salted(values: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    places = rng.random(values.shape) < 0.005
    values[places] = rng.integers(0, 65535, places.sum())
    return values


def saturated(values: np.ndarray) -> np.ndarray:
    values[:, 200:] = (1 << int(values.max()).bit_length()) - 1
    return values


@pytest.mark.parametrize("n_bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize(
    "change", [hot, with_text, padded, bordered, with_two_bars, salted, saturated]
)
def test_a_few_extreme_pixels_change_no_others(n_bits: int, change: object) -> None:
    whole = deep(n_bits)
    changed = change(whole.copy())  # type: ignore[operator]  # one of the functions above
    kept = changed == whole
    grey, depth = to_8_bits(changed)
    assert depth == ("16" if n_bits == 16 else f"{n_bits} of 16")
    assert abs(grey[kept].astype(int) - GREY[kept]).max() <= 1


@pytest.mark.parametrize("n_bits", [9, 11, 13, 15])
def test_depth_between_is_refused(n_bits: int) -> None:
    with pytest.raises(UnusableImage, match=UNCLEAR):
        to_8_bits(deep(n_bits))


@pytest.mark.parametrize("n_bits", [12, 14, 16])
def test_dark_picture_is_refused_and_not_brightened(n_bits: int) -> None:
    dark = np.rint(deep(n_bits) / 3 + np.arange(GREY.size).reshape(GREY.shape) % 2)
    with pytest.raises(UnusableImage, match=UNCLEAR):
        to_8_bits(dark.astype(np.uint16))


def test_16_bits_of_colours_need_the_full_range() -> None:
    full = np.asarray(Image.fromarray(GREY).convert("RGB"))
    for grey, is_usable in ((full, True), (full // 16, False)):
        # the upper 8 of 16 bits, which is what Pillow keeps
        content = deep_colour_png(grey)
        if is_usable:
            assert decode_image(content).depth == "16"
            continue
        with pytest.raises(UnusableImage, match=UNCLEAR):
            decode_image(content)


def deep_colour_png(upper: np.ndarray) -> bytes:
    """A PNG with 16 bits in each of three colours."""
    lines = np.zeros((*upper.shape, 2), np.uint8)
    lines[..., 0] = lines[..., 1] = upper
    height, width = upper.shape[:2]
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    return made_png(width, height, bits=16, colour=2, raw=raw)


def test_declared_depth_counts() -> None:
    grey, depth = to_8_bits(deep(12, GREY // 3), n_bits=12)
    assert depth == "12"
    assert abs(grey.astype(int) - GREY // 3).max() <= 1


def test_values_that_go_on_above_a_depth_are_of_more_bits() -> None:
    dim = np.linspace(0, 16_500, GREY.size).astype(np.uint16).reshape(GREY.shape)
    assert 0 < (dim > 16_383).mean() < 0.02
    with pytest.raises(UnusableImage, match=UNCLEAR):
        to_8_bits(dim)


@pytest.mark.parametrize(
    "values",
    [
        deep(12) + 32768,
        deep(14) + 32768,
        np.minimum(deep(16), 32767) + 32768,
        padded(deep(12) + 30000),
        deep(12) - 2048,
        deep(14) - 5000,
    ],
    ids=["12", "14", "16", "padded", "12 wrapped", "14 wrapped"],
)
def test_offset_and_wrapped_signs_are_unclear(values: np.ndarray) -> None:
    with pytest.raises(UnusableImage, match=UNCLEAR):
        decode_image(encode(Image.fromarray(values)))


@pytest.mark.parametrize("n_bits", [12, 14, 16])
def test_a_brightest_part_just_above_half_white_is_enough(n_bits: int) -> None:
    ramp = np.linspace(0, 0.504, GREY.size).reshape(GREY.shape) * ((1 << n_bits) - 1)
    assert 0.005 < (ramp >= 1 << n_bits - 1).mean() < 0.01
    grey, depth = to_8_bits(np.rint(ramp).astype(np.uint16))
    assert depth == ("16" if n_bits == 16 else f"{n_bits} of 16")
    assert abs(int(grey.max()) - 0.504 * 255) <= 1
