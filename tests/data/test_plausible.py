import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from cxr_tasks.champion.scoring.inputs import open_images
from cxr_tasks.data.decoding import Accepted, Rejected, decode_all
from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.drawing import render
from cxr_tasks.data.plausible import (
    BLANK,
    COLOUR,
    MASK,
    MAX_HUE_VARIATION,
    MAX_MASK_FRACTION,
    MAX_REST_FRACTION,
    MIN_CONTRAST,
    check_plausible,
    contrast,
    hue_variation,
    mask_fractions,
)
from cxr_tasks.machine.devices import n_cores
from tests.image_files import encode, picture


def check(pixels: np.ndarray) -> None:
    check_plausible(pixels, grey_counts=Image.fromarray(pixels).convert("L").histogram())


def grey(low: int, high: int) -> np.ndarray:
    """A ramp of greys from left to right."""
    row = np.linspace(low, high, 224).round().astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (224, 224, 3)).copy()


def test_grey_image_passes() -> None:
    check(grey(20, 220))


@pytest.mark.parametrize(
    "tint",
    [(1, 0.95, 0.75), (1, 0.8, 0.55), (0.65, 0.8, 1), (0.7, 1, 1)],
    ids=["yellowed", "sepia", "blue film", "cyan"],
)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_evenly_tinted_scan_passes(tint: tuple[float, ...], file_format: str) -> None:
    scan = np.asarray(picture(width=300, height=300).convert("L"))[..., None] * np.array(tint)
    decode_image(encode(Image.fromarray(scan.astype(np.uint8)), file_format))


def test_picture_of_several_hues_is_refused() -> None:
    drawn = picture(width=300, height=300).convert("L")
    halves = np.asarray(drawn)[..., None] * np.ones(3)
    halves[:, :150, 0] *= 0.5
    halves[:, 150:, 2] *= 0.5
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    other_orders = (drawn, drawn.rotate(90), drawn.rotate(180))
    for colours in (halves.astype(np.uint8), noise, np.asarray(Image.merge("RGB", other_orders))):
        with pytest.raises(UnusableImage, match=COLOUR):
            decode_image(encode(Image.fromarray(colours)))


def test_small_coloured_mark_passes() -> None:
    marked = grey(20, 220)
    marked[:20, :40] = (255, 0, 0)
    check(marked)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (255, 255), (100, 110)])
def test_blank_image_is_refused(low: int, high: int) -> None:
    with pytest.raises(UnusableImage, match=BLANK):
        check(grey(low, high))


def test_blank_image_with_a_mark_is_refused() -> None:
    blank = grey(30, 30)
    blank[:10, :40] = 255  # less than a hundredth
    with pytest.raises(UnusableImage, match=BLANK):
        check(blank)


def lungs(*, width: int = 400, height: int = 300) -> Image.Image:
    """Two white ovals on black, as masks of lungs are."""
    mask = Image.new("L", (width, height))
    for left in (0.1, 0.55):
        box = (left * width, 0.1 * height, (left + 0.35) * width, 0.9 * height)
        ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


@pytest.mark.parametrize(
    "content",
    [
        encode(lungs()),
        encode(lungs().convert("RGB")),
        encode(lungs(), "JPEG", quality=50),
        encode(lungs().resize((120, 90), Image.Resampling.BILINEAR)),
        encode(lungs().point(lambda level: 60 + level // 2)),
        encode(lungs().quantize(2)),
        encode(lungs().convert("1"), "TIFF"),
        encode(Image.fromarray(np.asarray(lungs()).astype(np.uint16) * 257)),
        encode(Image.merge("LA", (lungs(), Image.new("L", lungs().size, 255)))),
        encode(picture(width=300, height=300).convert("1")),
    ],
    ids=["png", "rgb", "jpeg", "reduced", "grey", "palette", "bits", "deep", "alpha", "dithered"],
)
def test_mask_is_refused_however_it_is_stored(content: bytes) -> None:
    with pytest.raises(UnusableImage, match=MASK):
        decode_image(content)


def test_mask_of_three_organs_is_refused_and_four_bits_are_enough_for_a_radiograph() -> None:
    organs = np.asarray(lungs()).copy()
    organs[100:180, 170:230], organs[200:, :100] = 128, 190
    with pytest.raises(UnusableImage, match=MASK):
        decode_image(encode(Image.fromarray(organs)))
    sixteen_levels = picture(width=300, height=300).convert("L").quantize(16)
    assert decode_image(encode(sixteen_levels, bits=4)).depth == "4"


def test_radiograph_in_a_wide_black_frame_passes() -> None:
    framed = np.zeros((224, 224, 3), np.uint8)
    framed[60:160, 60:160] = grey(20, 220)[:100, :200:2]
    check(framed)


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("archive", "n_images"), [("cxr-324.zip", 324), ("nih-pneumonia.zip", 600)]
)
def test_all_real_radiographs_pass(
    shared_data: Path, archive: str, n_images: int, step: int
) -> None:
    images = open_images([str(shared_data / archive)])
    assert len(images.candidates) == n_images
    outcomes = list(decode_all(images.reader, images.candidates[::step], n_workers=n_cores()))
    assert [each.reason for each in outcomes if isinstance(each, Rejected)] == []
    pixels = [each.image.pixels for each in outcomes if isinstance(each, Accepted)]
    assert max(map(hue_variation, pixels)) < 0.4 * MAX_HUE_VARIATION
    assert min(map(contrast, pixels)) > 2 * MIN_CONTRAST
    masks = [mask_fractions(Image.fromarray(image).convert("L").histogram()) for image in pixels]
    assert max(near for near, _ in masks) < 0.8 * MAX_MASK_FRACTION
    assert max(near_rest for _, near_rest in masks) < 0.8 * MAX_REST_FRACTION


def test_soft_and_small_masks_are_refused(shared_data: Path) -> None:
    masks = zipfile.ZipFile(shared_data / "lung-masks.zip")
    names = [name for name in masks.namelist() if name.endswith(".png")]
    assert len(names) == 29
    for name in names:
        mask = Image.open(io.BytesIO(masks.read(name))).convert("L")
        whole = mask.resize((299, 299), Image.Resampling.BILINEAR)
        for soft in (
            mask.resize((64, 64), Image.Resampling.BILINEAR),
            whole.filter(ImageFilter.GaussianBlur(3)),
        ):
            with pytest.raises(UnusableImage, match=MASK):
                decode_image(encode(soft, "JPEG", quality=30))


@pytest.mark.parametrize("share", [0.15, 0.2, 0.3])
def test_dark_radiographs_are_no_masks(shared_data: Path, share: float) -> None:
    images = open_images([str(shared_data / "cxr-324.zip")])
    for candidate in images.candidates[::12]:
        whole = Image.open(io.BytesIO(images.reader.read(candidate))).convert("L")
        dark = whole.resize((300, 300)).point(lambda level: int(level * share))
        decode_image(encode(dark))


def test_all_phantoms_pass() -> None:
    for view in range(40):
        drawn = render(view % 2, seed=0, patient=view, view=0)
        decode_image(encode(Image.fromarray(drawn)))
