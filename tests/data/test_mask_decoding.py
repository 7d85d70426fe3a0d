import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.mask_decoding import ALL_LUNG, GREY, INVERTED, NO_LUNG, OTHER_SHAPE, decode_mask
from tests.image_files import encode, made_png, picture, png_header


def drawn(*, width: int = 299, height: int = 299, value: int = 255) -> Image.Image:
    """Two lungs: rectangles from 0.2 to 0.4 and from 0.6 to 0.8 of the width."""
    levels = np.zeros((height, width), np.uint8)
    rows = slice(round(0.25 * height), round(0.75 * height))
    for left, right in ((0.2, 0.4), (0.6, 0.8)):
        levels[rows, round(left * width) : round(right * width)] = value
    return Image.fromarray(levels)


def expected() -> npt.NDArray[np.bool_]:
    mask = np.zeros((224, 224), bool)
    for left, right in ((0.2, 0.4), (0.6, 0.8)):
        mask[56:168, round(left * 224) : round(right * 224)] = True
    return mask


def decoded(image: Image.Image, file_format: str = "PNG") -> npt.NDArray[np.bool_]:
    return decode_mask(encode(image, file_format), width=299, height=299)


def labelled() -> Image.Image:
    """The left lung is 1, the right one 2."""
    levels = np.asarray(drawn(value=1)).copy()
    levels[:, 150:] *= 2
    return Image.fromarray(levels)


def palette(image: Image.Image) -> Image.Image:
    indexed = image.convert("L")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 0, 128] + 253 * [0, 255, 0])
    return indexed


@pytest.mark.parametrize(
    "image",
    [
        drawn(),
        drawn().convert("RGB"),
        drawn(value=128),
        drawn(value=1),
        labelled(),
        palette(labelled()),
        drawn().convert("1"),
        Image.fromarray(np.asarray(drawn()).astype(np.uint16) * 257),
        Image.merge("RGB", (Image.new("L", (299, 299)), Image.new("L", (299, 299)), drawn())),
        Image.merge("RGBA", (*3 * (drawn(),), Image.new("L", (299, 299), 7))),
        Image.merge("LA", (drawn(), Image.new("L", (299, 299), 7))),
        drawn(width=256, height=256),
        drawn(width=1000, height=1000),
        drawn(width=64, height=63),
    ],
    ids=[
        "grey",
        "RGB",
        "half as bright",
        "0 and 1",
        "numbers of lungs",
        "palette",
        "1 bit",
        "16 bits",
        "blue",
        "alpha",
        "grey and alpha",
        "smaller",
        "larger",
        "small",
    ],
)
def test_mask_of_any_kind_is_the_same_lungs(image: Image.Image) -> None:
    mask = decoded(image)
    assert mask.dtype == np.bool_
    assert mask.shape == (224, 224)
    blurred = 224 * 4 * 4 * 2 if image.width < 224 else 224 * 4  # a row of pixels at the edges
    assert np.count_nonzero(mask != expected()) < blurred


def test_lungs_of_two_colours_are_both_lungs() -> None:
    levels = np.stack(3 * [np.asarray(drawn())], axis=2)
    levels[:, 150:, :2] = 0  # the right one blue, the left one white
    assert np.array_equal(decoded(Image.fromarray(levels)), decoded(drawn()))


def test_pixel_of_which_less_than_half_is_lung_is_none() -> None:
    levels = np.zeros((896, 896), np.uint8)
    levels[:, 2:448:4] = 255  # a quarter of each pixel, its centre included
    levels[:, 448:] = 255
    mask = decode_mask(encode(Image.fromarray(levels)), width=299, height=299)
    assert not mask[:, :112].any()
    assert mask[:, 112:].all()


def test_jpeg_of_a_mask_is_read() -> None:
    assert np.count_nonzero(decoded(drawn(), "JPEG") != expected()) < 900


def test_mask_lies_on_its_image() -> None:
    """A bright square is where its mask is, however the proportions change."""
    levels = np.asarray(picture(width=600, height=400).convert("L")) // 3
    inside = np.zeros((400, 600), bool)
    inside[100:201, 77:300] = True
    image = Image.fromarray(np.where(inside, levels + 170, levels).astype(np.uint8))
    bright = decode_image(encode(image)).pixels[..., 0] > 125
    mask = decode_mask(encode(Image.fromarray(inside)), width=600, height=400)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (56, 112, 29, 111)
    assert np.count_nonzero(mask != bright) < 60  # of the 250 pixels at its edges


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (encode(drawn())[:-60], "truncated"),
        (made_png(64, 64, bits=8, colour=0, raw=40 * (b"\0" + 64 * b"\xff")), "truncated"),
        (encode(drawn(value=0)), NO_LUNG),
        (encode(Image.new("L", (299, 299), 255)), ALL_LUNG),
        (encode(Image.new("L", (299, 299), 1)), ALL_LUNG),
        (encode(ImageOps.invert(drawn())), INVERTED),
        (encode(drawn(width=299, height=292)), OTHER_SHAPE),
        (encode(drawn(width=292, height=299)), OTHER_SHAPE),
        (encode(picture(width=299, height=299)), GREY),
        (encode(drawn(width=20, height=20)), "a side is shorter than 32 pixels"),
        (png_header(50_000, 50_000), "more than 40 megapixels or a side of 20,000 pixels"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnusableImage) as caught:
        decode_mask(content, width=299, height=299)
    assert caught.value.reason == reason


def test_numbers_that_stand_for_no_grey_are_not_guessed() -> None:
    levels = np.asarray(labelled()).astype(np.uint8) * 127  # 0, 127, 254
    with pytest.raises(UnusableImage) as caught:
        decoded(Image.fromarray(levels))
    assert caught.value.reason == GREY


def test_proportions_may_differ_by_rounding() -> None:
    assert decode_mask(encode(drawn(width=256, height=256)), width=300, height=297).any()
