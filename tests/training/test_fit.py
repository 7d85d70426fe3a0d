"""What an epoch's event says."""

import math

from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.fit import figures_of


def test_figures_without_lag_that_are_no_numbers_do_not_end_a_training() -> None:
    result = EpochResult(3, 0.4, 0.8, 0.5, 0.75, 1.0, math.inf, math.nan)
    figures = figures_of(result)
    assert (figures.loss, figures.accuracy) == (0.4, 0.8)
    assert (figures.val_loss, figures.val_accuracy) == (0.5, 0.75)
    assert figures.val_loss_no_lag is None
    assert figures.val_accuracy_no_lag is None
