"""When a training stops: Keras' EarlyStopping as a value that a checkpoint can hold."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class EarlyStopping:
    """How the validation loss has gone so far.

    Args:
        patience: Epochs without a lower loss before training stops.
        best_epoch: The epoch, counted from 1, with the lowest loss; 0 before the first.
        best_loss: Its loss.
        wait: Epochs since then.
    """

    patience: int
    best_epoch: int = 0
    best_loss: float = math.inf
    wait: int = 0

    def after(self, epoch: int, val_loss: float) -> "EarlyStopping":
        """Give the state after an epoch; it was the best so far where `best_epoch` is it."""
        # Keras compares in float32: what differs less than that is no improvement there.
        if np.float32(val_loss) < np.float32(self.best_loss):
            return replace(self, best_epoch=epoch, best_loss=val_loss, wait=0)
        return replace(self, wait=self.wait + 1)

    @property
    def stops(self) -> bool:
        """Whether the training is to end."""
        return self.wait > 0 and self.wait >= self.patience


def stopping_over(losses: Iterable[float], *, patience: int) -> EarlyStopping:
    """Return the state in which a training with these validation losses ends.

    Losses after it has stopped are not looked at; where it never stops, all are.
    """
    stopping = EarlyStopping(patience)
    for epoch, loss in enumerate(losses, start=1):
        stopping = stopping.after(epoch, loss)
        if stopping.stops:
            break
    return stopping
