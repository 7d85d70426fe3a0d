"""Whether lag ended a training: the rule on curves made by hand."""

import numpy as np
import pytest

from cxr_tasks.training.early_stopping import describe_without_lag, early_stopping
from cxr_tasks.training.epoch import EpochResult

PATIENCE = 10
FALLING = list(np.linspace(0.9, 0.5, 15))


def history(losses: list[float | None]) -> list[EpochResult]:
    """Make a training whose best epoch is the 5th under running statistics: it stops at 15."""
    return [
        EpochResult(
            epoch=epoch,
            loss=0.5,
            accuracy=0.8,
            val_loss=0.7 + 0.01 * abs(epoch - 5),
            val_accuracy=0.6,
            seconds=1.0,
            val_loss_no_lag=loss,
            val_accuracy_no_lag=None if loss is None else 1 - loss,
        )
        for epoch, loss in enumerate(losses, start=1)
    ]


def test_curve_that_still_falls_was_stopped_by_lag() -> None:
    told = describe_without_lag(history(FALLING), patience=PATIENCE, stopped_by="patience")
    assert told == {
        "best_epoch": 15,
        "val_loss": pytest.approx(0.5),
        "val_accuracy": pytest.approx(0.5),
        "stops_after": None,
        "decided_stopping": True,
    }


@pytest.mark.parametrize("stopped_by", ["epochs", "folds"])
def test_what_patience_did_not_end_was_not_ended_by_lag(stopped_by: str) -> None:
    told = describe_without_lag(history(FALLING), patience=PATIENCE, stopped_by=stopped_by)
    assert told is not None
    assert not told["decided_stopping"]


@pytest.mark.parametrize(
    ("best_epoch", "stops_after", "decided"),
    [(5, 15, False), (3, 13, False), (6, None, False), (10, None, False), (11, None, True)],
)
def test_at_the_end_less_than_half_of_the_patience_is_spent(
    best_epoch: int, stops_after: int | None, decided: bool
) -> None:
    losses = [0.5 + 0.01 * abs(epoch - best_epoch) for epoch in range(1, 16)]
    told = describe_without_lag(history([*losses]), patience=PATIENCE, stopped_by="patience")
    assert told is not None
    assert (told["best_epoch"], told["stops_after"]) == (best_epoch, stops_after)
    assert told["decided_stopping"] == decided


def test_new_low_after_patience_had_run_out_does_not_count() -> None:
    losses = [0.6, *[0.7] * 11, 0.5, 0.4, 0.3]
    told = describe_without_lag(history([*losses]), patience=PATIENCE, stopped_by="patience")
    assert told is not None
    assert (told["best_epoch"], told["stops_after"], told["decided_stopping"]) == (1, 11, False)


def test_nothing_is_said_where_nothing_lags() -> None:
    curves: list[list[float | None]] = [[None] * 15, [None, *FALLING[1:]], [float("nan")] * 15]
    for losses in curves:
        assert not describe_without_lag(history(losses), patience=PATIENCE, stopped_by="patience")


def test_losses_after_the_stop_are_not_looked_at() -> None:
    stopping = early_stopping([3, 2, 2, 2, 1], patience=2)
    assert (stopping.best_epoch, stopping.wait, stopping.stops) == (2, 2, True)
    assert not early_stopping([3, 2, 2], patience=2).stops
