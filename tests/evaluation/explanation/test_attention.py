import numpy as np
import pytest

from cxr_tasks.evaluation.explanation.attention import (
    OUTSIDE_AREA_FRACTION,
    mean_outside,
    outside_fractions,
)


@pytest.mark.parametrize("side", [7, 14, 224])
def test_even_attention_gives_the_share_of_the_area(side: int) -> None:
    assert outside_fractions(np.ones((2, side, side))) == pytest.approx(OUTSIDE_AREA_FRACTION)


def test_share_does_not_depend_on_the_size_of_the_evidence() -> None:
    maps = np.random.default_rng(0).uniform(0, 1, (3, 7, 7))
    assert outside_fractions(1e-30 * maps) == pytest.approx(outside_fractions(1e6 * maps))


def test_empty_map_has_no_share_and_is_left_out_of_the_mean() -> None:
    assert np.isnan(outside_fractions(np.zeros((1, 7, 7)))).all()
    assert mean_outside(np.array([0.2, np.nan, 0.6]), np.arange(3), seed=0)["mean"] == 0.4
    none = {"mean": None, "interval": None}
    assert mean_outside(np.array([np.nan]), np.arange(1), seed=0) == none


def test_interval_is_wider_where_images_share_a_patient() -> None:
    shares = np.repeat(np.random.default_rng(1).uniform(0, 1, 20), 5)
    alone = mean_outside(shares, np.arange(100), seed=0)["interval"]
    together = mean_outside(shares, np.repeat(np.arange(20), 5), seed=0)["interval"]
    assert isinstance(alone, list)
    assert isinstance(together, list)
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])
