import numpy as np
import pytest

from cxr_tasks.lungs.regions import (
    MARGIN_FRACTION,
    PaintedImages,
    equalised,
    lung_region,
    painted_over,
)

SIDE = 224


def two_lungs() -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    mask = np.zeros((SIDE, SIDE), np.bool_)
    for centre in (75, 150):
        mask |= ((rows - 105) / 60) ** 2 + ((columns - centre) / 28) ** 2 < 1
    return mask


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


def test_region_is_the_hull_of_both_lungs_widened_by_the_margin() -> None:
    mask = two_lungs()
    region = lung_region(mask)
    assert region[mask].all()
    assert region[105, 112]  # between the lungs
    rows, columns = np.nonzero(mask)
    margin = MARGIN_FRACTION * SIDE
    found_rows, found_columns = np.nonzero(region)
    ends = [(found_rows, rows), (found_columns, columns)]
    for found, lungs in ends:
        assert lungs.min() - found.min() == pytest.approx(margin, abs=1.5)
        assert found.max() - lungs.max() == pytest.approx(margin, abs=1.5)
    assert not region[:20, :20].any()


def test_without_lungs_a_rectangle_stands_for_them() -> None:
    region = lung_region(np.zeros((SIDE, SIDE), np.bool_))
    assert 0.7 < region.mean() < 0.95
    assert not region[0].any()
    assert not region[:, 0].any()


@pytest.mark.parametrize("n_columns", [1, 2, SIDE])
def test_odd_masks_have_a_region(n_columns: int) -> None:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[:, :n_columns] = True
    assert lung_region(mask)[mask].all()


def test_what_was_inside_leaves_no_trace_and_what_is_outside_stays() -> None:
    image, region = picture(), lung_region(two_lungs())
    other = np.where(region, picture(seed=1), image)
    painted = painted_over(image, region)
    np.testing.assert_array_equal(painted, painted_over(other, region))
    np.testing.assert_array_equal(painted[~region], image[~region])


def test_paint_goes_on_smoothly_from_what_surrounds_it() -> None:
    region = lung_region(two_lungs())
    even = np.full((SIDE, SIDE), 90, np.uint8)
    even[region] = 255
    assert (painted_over(even, region) == 90).all()
    ramp = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    painted = painted_over(ramp, region).astype(np.int64)
    assert np.abs(np.diff(painted, axis=1)).max() <= 12  # no edge shows the outline
    assert (painted_over(even, np.ones_like(region)) == 128).all()


def test_images_are_painted_as_they_are_read() -> None:
    region = lung_region(two_lungs())
    grey = np.repeat(picture()[None, ..., None], 3, axis=-1)
    colour = np.random.default_rng(2).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    images = PaintedImages(np.concatenate([grey, colour]), lambda row: region if row else ~region)
    assert len(images) == 2
    both = images[0:5]
    assert both.shape == (2, SIDE, SIDE, 3)
    np.testing.assert_array_equal(both[0, ..., 1], painted_over(grey[0, ..., 0], ~region))
    np.testing.assert_array_equal(both[1, ..., 2], painted_over(colour[0, ..., 2], region))


def test_no_window_or_film_curve_is_left_in_what_is_equalised() -> None:
    region, image = lung_region(two_lungs()), picture()
    plain = equalised(image, region)
    for gamma in (0.5, 2.0):
        # strictly rising, so that no two grey values become one
        curve = np.linspace(0, 1, 256) ** gamma
        levels = np.unique(np.rint(65535 * curve), return_inverse=True)[1].astype(np.uint8)
        np.testing.assert_array_equal(equalised(levels[image], region), plain)
    outside = plain[~region].astype(np.float64)
    assert outside.mean() == pytest.approx(127.5, abs=1)
    assert outside.std() == pytest.approx(255 / np.sqrt(12), abs=1)


def test_equalised_images_are_grey_and_know_nothing_of_the_inside() -> None:
    region = lung_region(two_lungs())
    colour = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    colour[1] = np.where(region[..., None], 255 - colour[0], colour[0])
    seen = PaintedImages(colour, lambda _row: region, equalise=True)[0:2]
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[..., 0], seen[..., 2])
