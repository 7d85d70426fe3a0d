from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.data.decoding import Accepted, decode_all
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.devices import n_cores
from cxr_tasks.scoring.inputs import open_images
from cxr_tasks.scoring.plausible import (
    BLANK,
    COLOUR,
    MAX_MEAN_CHROMA,
    MIN_CONTRAST,
    check_plausible,
)


def grey(low: int, high: int) -> np.ndarray:
    """A ramp of greys from left to right."""
    row = np.linspace(low, high, 224).round().astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (224, 224, 3)).copy()


def test_grey_image_passes() -> None:
    check_plausible(grey(20, 220))


def test_tinted_image_passes_and_a_coloured_one_does_not() -> None:
    tinted = grey(20, 220)
    tinted[..., 2] -= 10
    check_plausible(tinted)
    tinted[..., 0] += 10
    with pytest.raises(UnusableImage, match=COLOUR):
        check_plausible(tinted)


def test_small_coloured_mark_passes() -> None:
    marked = grey(20, 220)
    marked[:20, :40] = (255, 0, 0)
    check_plausible(marked)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (255, 255), (100, 110)])
def test_blank_image_is_refused(low: int, high: int) -> None:
    with pytest.raises(UnusableImage, match=BLANK):
        check_plausible(grey(low, high))


def test_blank_image_with_a_mark_is_refused() -> None:
    blank = grey(30, 30)
    blank[:10, :40] = 255  # less than a hundredth
    with pytest.raises(UnusableImage, match=BLANK):
        check_plausible(blank)


def test_all_real_radiographs_pass(shared_data: Path) -> None:
    images = open_images([str(shared_data / "cxr-324.zip")])
    pixels = [
        outcome.image.pixels
        for outcome in decode_all(images.reader, images.candidates, n_workers=n_cores())
        if isinstance(outcome, Accepted)
    ]
    assert len(pixels) == 324
    for image in pixels:
        check_plausible(image)
    chroma = max(float(np.ptp(image, axis=2).mean()) for image in pixels)
    contrast = min(float(np.ptp(np.percentile(image.mean(axis=2), [1, 99]))) for image in pixels)
    assert chroma < 0.7 * MAX_MEAN_CHROMA
    assert contrast > 2 * MIN_CONTRAST
