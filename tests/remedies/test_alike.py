import numpy as np
import pytest

from cxr_tasks.data.images import IMAGE_SIZE_PX, decode_image
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.remedies.alike import JPEG_QUALITY, LEVELS, SIDE_PX, as_alike, file_facts

LUNGS = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.bool_)
LUNGS[60:160, 50:170] = True


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return decode_image(draw_phantom(plan_phantom(24, seed=3)[0], seed=3)).pixels


def test_brighter_and_flatter_images_become_alike(image: np.ndarray) -> None:
    others = [image // 2 + 60, np.clip(image.astype(int) + 15, 0, 255).astype(np.uint8)]
    expected = as_alike(image, LUNGS)[0].astype(int)
    for other in others:
        found = as_alike(other, LUNGS)[0].astype(int)
        assert np.abs(found - expected)[LUNGS].mean() < 2
        assert np.abs(other.astype(int) - image)[LUNGS].mean() > 10


def test_lungs_have_the_levels_and_the_picture_is_grey(image: np.ndarray) -> None:
    image = image.copy()
    image[..., 0] //= 2
    picture, n_bytes = as_alike(image, LUNGS)
    assert picture.shape == image.shape
    assert (picture[..., 0] == picture[..., 1]).all()
    low, high = np.percentile(picture[LUNGS], [5, 95])
    assert (low, high) == pytest.approx(LEVELS, abs=12)
    assert 500 < n_bytes < 20_000


def test_an_even_ground_gives_no_noise_and_no_lungs_a_rectangle(image: np.ndarray) -> None:
    even = np.full_like(image, 90)
    even[::7] += 1
    assert as_alike(even, LUNGS)[0].std() < 8
    without = np.zeros_like(LUNGS)
    assert as_alike(image, without)[0][60:160, 60:160].std() > 10


def test_facts_are_those_of_the_files() -> None:
    facts = file_facts()
    assert (facts["width"], facts["height"], facts["mode"]) == (SIDE_PX, SIDE_PX, "L")
    assert (facts["format"], facts["depth"]) == ("JPEG", "8")
    assert facts["jpeg_tables"]
    assert JPEG_QUALITY == 75
    assert not {"pixels", "phash"} & set(facts)
