import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_tasks.lungs.postprocessing import MASK_SIZE_PX, masks_from

SIZE_PX = 112


def two_lungs(*, sure: float = 0.98) -> NDArray[np.float32]:
    """Two upright ellipses side by side, each with a hole and an island beside them."""
    down, across = np.mgrid[:SIZE_PX, :SIZE_PX]
    probability = np.full((SIZE_PX, SIZE_PX), 1 - sure, np.float32)
    for middle in (32, 80):
        inside = ((across - middle) / 18) ** 2 + ((down - 56) / 38) ** 2 < 1
        probability[inside] = sure
    probability[50:54, 30:34] = 0.02
    probability[2:6, 2:6] = sure
    return probability


def test_masks_have_two_whole_parts_at_the_images_size() -> None:
    lungs = masks_from(two_lungs()[None, :, :, None])
    assert lungs.masks.shape == (1, MASK_SIZE_PX, MASK_SIZE_PX)
    assert lungs.masks.dtype == np.bool_
    assert lungs.found.tolist() == [True]
    mask = lungs.masks[0]
    assert mask[104, 64]  # the hole is filled
    assert not mask[:20, :20].any()  # the island is dropped
    assert not mask[:, 112].any()
    # an ellipse's area at twice the size
    assert mask.sum() == pytest.approx(2 * np.pi * 36 * 76, rel=0.03)


def test_the_last_axis_may_be_left_out() -> None:
    both = [masks_from(each) for each in (two_lungs()[None], two_lungs()[None, :, :, None])]
    assert (both[0].masks == both[1].masks).all()


def test_less_sure_is_less_quality() -> None:
    sure, unsure = masks_from(np.stack([two_lungs(sure=0.98), two_lungs(sure=0.75)])).quality
    assert 0 <= unsure < sure - 0.1
    assert sure <= 1


def one_lung() -> NDArray[np.float32]:
    probability = two_lungs()
    probability[:, 56:] = 0.02
    return probability


def specks() -> NDArray[np.float32]:
    probability = np.full((SIZE_PX, SIZE_PX), 0.02, np.float32)
    probability[20:32, 20:32] = probability[60:72, 80:92] = 0.98
    return probability


@pytest.mark.parametrize(
    "probability",
    [
        np.zeros((SIZE_PX, SIZE_PX), np.float32),
        np.ones((SIZE_PX, SIZE_PX), np.float32),
        one_lung(),
        specks(),
        two_lungs(sure=0.55),
    ],
    ids=["nothing", "everything", "one side", "specks", "unsure"],
)
def test_what_is_no_pair_of_lungs_is_not_found(probability: NDArray[np.float32]) -> None:
    lungs = masks_from(probability[None])
    assert lungs.found.tolist() == [False]
    assert not lungs.masks.any()


def test_no_image_has_no_mask() -> None:
    lungs = masks_from(np.empty((0, SIZE_PX, SIZE_PX, 1), np.float32))
    assert lungs.masks.shape == (0, MASK_SIZE_PX, MASK_SIZE_PX)
    assert len(lungs.quality) == len(lungs.found) == 0
