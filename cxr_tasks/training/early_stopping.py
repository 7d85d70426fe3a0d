"""When a training stops: Keras' EarlyStopping as a function of the losses so far.

Also whether the lag of batch normalisation's running statistics brought the stop about.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.training_record import StoppedBy, WithoutLag


@dataclass(frozen=True)
class EarlyStopping:
    """Where a training stands after some epochs."""

    # the epoch, counted from 1, with the lowest validation loss; 0 before the first
    best_epoch: int
    wait: int  # epochs since then
    stops: bool  # whether the training is to end


def early_stopping(losses: Iterable[float], *, patience: int) -> EarlyStopping:
    """Follow the validation losses of a training until it stops, or to their end.

    Args:
        losses: One an epoch.
        patience: Epochs without a lower loss before training stops.
    """
    best_epoch, best_loss, wait, stops = 0, np.float32(math.inf), 0, False
    for epoch, loss in enumerate(losses, start=1):
        # Keras compares in float32: what differs less than that is no improvement there.
        if np.float32(loss) < best_loss:
            best_epoch, best_loss = epoch, np.float32(loss)
        wait = epoch - best_epoch
        stops = wait > 0 and wait >= patience
        if stops:
            break
    return EarlyStopping(best_epoch, wait, stops)


def describe_without_lag(
    history: Sequence[EpochResult], *, patience: int, stopped_by: StoppedBy
) -> WithoutLag | None:
    """Describe how early stopping would have gone under batch statistics without lag.

    Only the statistics of validation differ: the weights of each epoch are the same, since
    training normalises by each batch's own.

    Lag decided the stopping where patience ended the training, and under statistics without lag
    would not have: not at any epoch until then, and with less than half of it spent at the end. A
    curve that has come to rest finds a new lowest loss by accident now and then; within the last
    half of the patience it seldom does, whereas one that still falls always does.

    Args:
        history: Every epoch.
        patience: Epochs without a lower validation loss before training stops.
        stopped_by: What ended it.

    Returns:
        None where no batch normalisation was trained, or its statistics are no numbers.
    """
    without_lag = [
        (epoch.val_loss_no_lag, epoch.val_accuracy_no_lag)
        for epoch in history
        if epoch.val_loss_no_lag is not None and epoch.val_accuracy_no_lag is not None
    ]
    stopping = early_stopping([loss for loss, _ in without_lag], patience=patience)
    if len(without_lag) < len(history) or not stopping.best_epoch:
        return None
    val_loss, val_accuracy = without_lag[stopping.best_epoch - 1]
    goes_on = not stopping.stops and 2 * stopping.wait < patience
    return WithoutLag(
        best_epoch=stopping.best_epoch,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        stops_after=stopping.best_epoch + stopping.wait if stopping.stops else None,
        decided_stopping=stopped_by == "patience" and goes_on,
    )
