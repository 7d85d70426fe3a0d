import pytest

from bench.timing import Trained, compare
from cxr_tasks.errors import DataError


def trained(started_at: float, *ended_at: float, n_val: int = 81) -> Trained:
    return Trained(started_at, ended_at, n_train=243, n_val=n_val)


def test_first_epoch_counts_as_preparation_beyond_what_an_epoch_takes() -> None:
    one = trained(100.0, 112.0, 114.0, 117.0, 119.0)
    assert one.epoch_seconds == (2.0, 3.0, 2.0)
    assert one.prepare_seconds == 10.0


def test_both_halves_of_the_study_count_alike() -> None:
    halves = [trained(0, 9, 13, 17), trained(50, 61, 67, 73)]
    compared = compare("vanilla_cnn", halves, trained(20, 30, 32, 34.5, 37))
    assert compared["study_epoch_seconds"] == [4, 4, 6, 6]
    assert (compared["study_seconds_per_epoch"], compared["seconds_per_epoch"]) == (5, 2.5)
    assert compared["ratio"] == 2.0
    assert (compared["study_prepare_seconds"], compared["prepare_seconds"]) == (5, 7.5)


def test_ratio_of_short_epochs_is_not_made_of_rounded_seconds() -> None:
    pipeline = trained(0, 1, *(1 + n * 0.00004 for n in range(1, 5)))
    assert compare("vanilla_cnn", [trained(0, 1, 2)], pipeline)["ratio"] == pytest.approx(25_000)


def test_sides_with_other_images_are_not_compared() -> None:
    with pytest.raises(DataError, match=r"243 \+ 81 images .* 243 \+ 80"):
        compare("vanilla_cnn", [trained(0, 1, 2)], trained(0, 1, 2, n_val=80))
