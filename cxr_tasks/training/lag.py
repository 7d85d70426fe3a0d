"""Whether a training was ended by the lag of batch normalisation's running statistics."""

from collections.abc import Sequence
from typing import Any

from cxr_tasks.training.early_stopping import stopping_over
from cxr_tasks.training.loop import EpochResult


def describe_without_lag(
    history: Sequence[EpochResult], *, patience: int, stopped_by: str
) -> dict[str, Any] | None:
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
        stopped_by: What ended it; `patience`, or something else.

    Returns:
        `best_epoch` with its `val_loss` and `val_accuracy`; `stops_after`, the epoch after which
        patience would have ended it, None where it would not have; `decided_stopping`. None where
        no batch normalisation was trained, or its statistics are no numbers.
    """
    losses = [epoch.val_loss_no_lag for epoch in history if epoch.val_loss_no_lag is not None]
    if len(losses) < len(history):
        return None
    stopping = stopping_over(losses, patience=patience)
    if not stopping.best_epoch:
        return None
    best = history[stopping.best_epoch - 1]
    goes_on = not stopping.stops and 2 * stopping.wait < patience
    return {
        "best_epoch": stopping.best_epoch,
        "val_loss": best.val_loss_no_lag,
        "val_accuracy": best.val_accuracy_no_lag,
        "stops_after": stopping.best_epoch + stopping.wait if stopping.stops else None,
        "decided_stopping": stopped_by == "patience" and goes_on,
    }
