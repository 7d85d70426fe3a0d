"""When a training stops, and whether lag ended it: the rules on curves made by hand."""

import numpy as np
import pytest

from cxr_tasks.training.early_stopping import describe_without_lag, early_stopping
from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.training_record import StoppedBy

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
    found = describe_without_lag(history(FALLING), patience=PATIENCE, stopped_by="patience")
    assert found is not None
    assert (found.best_epoch, found.stops_after, found.decided_stopping) == (15, None, True)
    assert found.val_loss == found.val_accuracy == pytest.approx(0.5)


@pytest.mark.parametrize("stopped_by", ["epochs", "folds"])
def test_what_patience_did_not_end_was_not_ended_by_lag(stopped_by: StoppedBy) -> None:
    found = describe_without_lag(history(FALLING), patience=PATIENCE, stopped_by=stopped_by)
    assert found is not None
    assert not found.decided_stopping


@pytest.mark.parametrize(
    ("best_epoch", "stops_after", "decided"),
    [(5, 15, False), (3, 13, False), (6, None, False), (10, None, False), (11, None, True)],
)
def test_at_the_end_less_than_half_of_the_patience_is_spent(
    best_epoch: int, stops_after: int | None, decided: bool
) -> None:
    losses = [0.5 + 0.01 * abs(epoch - best_epoch) for epoch in range(1, 16)]
    found = describe_without_lag(history([*losses]), patience=PATIENCE, stopped_by="patience")
    assert found is not None
    assert (found.best_epoch, found.stops_after) == (best_epoch, stops_after)
    assert found.decided_stopping == decided


def test_new_low_after_patience_had_run_out_does_not_count() -> None:
    losses = [0.6, *[0.7] * 11, 0.5, 0.4, 0.3]
    found = describe_without_lag(history([*losses]), patience=PATIENCE, stopped_by="patience")
    assert found is not None
    assert (found.best_epoch, found.stops_after, found.decided_stopping) == (1, 11, False)


def test_nothing_is_said_where_nothing_lags() -> None:
    curves: list[list[float | None]] = [[None] * 15, [None, *FALLING[1:]], [float("nan")] * 15]
    for losses in curves:
        assert not describe_without_lag(history(losses), patience=PATIENCE, stopped_by="patience")


def test_losses_after_the_stop_are_not_looked_at() -> None:
    stopping = early_stopping([3, 2, 2, 2, 1], patience=2)
    assert (stopping.best_epoch, stopping.wait, stopping.stops) == (2, 2, True)
    assert not early_stopping([3, 2, 2], patience=2).stops


@pytest.mark.parametrize("seed", range(6))
def test_stopping_is_keras_own(seed: int) -> None:
    start_keras(threads=2, seed=0)
    import keras

    rng = np.random.default_rng(seed)
    losses = np.round(np.abs(np.cumsum(rng.normal(-0.05, 0.4, 60)) + 3), 1).tolist()
    # Less than float32 can tell apart is no improvement there.
    losses[1] = losses[0] - 1e-9
    patience = int(rng.integers(1, 8))
    callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience, mode="min")
    callback.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    callback.model.stop_training = False  # as fit() does
    callback.on_train_begin()
    for epoch, loss in enumerate(losses, start=1):
        callback.on_epoch_end(epoch - 1, {"val_loss": loss})
        ours = early_stopping(losses[:epoch], patience=patience)
        assert ours.stops == callback.model.stop_training
        assert (ours.best_epoch - 1, ours.wait) == (callback.best_epoch, callback.wait)
        if ours.stops:
            break
