"""How far a training with folds is, and when it may end."""

from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.watching.run_progress import TrainingProgress
from cxr_tasks.watching.watch import Watch
from tests.watching.told import BEGAN, begin_run, told, told_epochs

NAME = "mobilenetv2_frozen"


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run = begin_run(Home(tmp_path), variants=NAME, folds=3)
    told(run, "train", "start", variant=NAME)
    return run


def training(run: RunPaths) -> TrainingProgress:
    tasks = {task.variant: task for task in Watch(run).look(now=BEGAN).tasks}
    found = tasks[NAME].training
    assert found is not None
    return found


def fold(run: RunPaths, number: int, *, at: float, seconds: int) -> None:
    fit = f"fold {number} of 3"
    told(run, "train", "start", variant=NAME, fit=fit, at=at)
    told_epochs(run, range(1, seconds + 1), variant=NAME, fit=fit, at=at, n_epochs=50)


def test_a_fold_that_loads_has_no_epoch_yet(run: RunPaths) -> None:
    fold(run, 1, at=BEGAN, seconds=4)
    told(run, "train", "start", variant=NAME, fit="fold 2 of 3", at=BEGAN + 6)
    found = training(run)
    assert (found.fit, found.epoch, found.n_fits, found.n_fits_done) == ("fold 2 of 3", 0, 4, 1)
    assert found.last is None


def test_what_is_left_is_estimated_by_the_mean_of_what_is_done(run: RunPaths) -> None:
    fold(run, 1, at=BEGAN, seconds=10)
    assert training(run).until is None  # nothing to go by yet
    fold(run, 2, at=BEGAN + 20, seconds=20)
    fold(run, 3, at=BEGAN + 40, seconds=5)
    # a fit takes 15 s: this one until 55, then the final one
    assert training(run).until == BEGAN + 40 + 15 + 15


def test_a_fold_that_went_on_from_a_checkpoint_is_no_measure(run: RunPaths) -> None:
    fold(run, 1, at=BEGAN, seconds=3)
    told(run, "train", "start", variant=NAME, at=BEGAN + 100)
    told(run, "train", "start", variant=NAME, fit="fold 1 of 3", at=BEGAN + 100)
    told_epochs(run, [4], variant=NAME, fit="fold 1 of 3", at=BEGAN + 100)
    told(run, "train", "start", variant=NAME, fit="fold 2 of 3", at=BEGAN + 110)
    assert training(run).until is None


def test_the_limit_of_epochs_bounds_the_estimate_of_the_present_fit(run: RunPaths) -> None:
    fold(run, 1, at=BEGAN, seconds=30)
    told(run, "train", "start", variant=NAME, fit="final fit", at=BEGAN + 40)
    told_epochs(run, [1], variant=NAME, fit="final fit", at=BEGAN + 40, n_epochs=5)
    assert training(run).until == BEGAN + 41 + 4


def test_the_final_fit_is_the_last(run: RunPaths) -> None:
    told_epochs(run, range(1, 3), variant=NAME, fit="final fit")
    found = training(run)
    assert (found.fit, found.n_fits_done, found.n_fits) == ("final fit", 3, 4)
    told(run, "train", "failed", variant=NAME)
    assert training(run).n_fits_done == 3
    told(run, "train", variant=NAME)
    assert training(run).n_fits_done == 4


def test_a_fold_during_which_the_clock_was_set_back_is_no_measure(run: RunPaths) -> None:
    told(run, "train", "start", variant=NAME, fit="fold 1 of 3", at=BEGAN)
    told_epochs(run, [1], variant=NAME, fit="fold 1 of 3", at=BEGAN - 600)
    told(run, "train", "start", variant=NAME, fit="fold 2 of 3", at=BEGAN - 590)
    assert training(run).until is None
