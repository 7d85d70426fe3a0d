"""The epochs of one fit as its curves need them: bounded, whatever number there is."""

from typing import NamedTuple

from cxr_tasks.volume.progress_record import ProgressRecord

MAX_POINTS = 200
"""Of a curve: more than a page can show apart."""


class Epoch(NamedTuple):
    """The figures of one epoch."""

    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


class FitLog:
    """One fit: when it began, how far it is, and its epochs.

    Of many epochs every second is kept, then every fourth, and so on; the last is always there.
    """

    def __init__(self, name: str, began: float) -> None:
        self.name = name
        self.began, self.last_at = began, began
        self.epoch, self.n_epochs, self.seconds_left = 0, 0, 0.0
        self.epoch_at = began
        self.is_whole = True  # begun here with its first epoch
        self._kept: list[Epoch] = []
        self._newest: Epoch | None = None
        self._stride = 1

    def add(self, event: ProgressRecord) -> None:
        """Take in one event of this fit; an epoch takes the place of those from its number on."""
        self.last_at = event.at
        if event.kind == "start":
            self.began = event.at
            self.epoch = 0
        if event.kind == "epoch" and event.epoch > 0:
            self._add_epoch(event)

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """Its epochs by number, at most `MAX_POINTS` and the last."""
        newest = self._newest
        if newest is None or (self._kept and self._kept[-1] == newest):
            return tuple(self._kept)
        return (*self._kept, newest)

    @property
    def seconds(self) -> float | None:
        """How long it took to its last event; None where that is not known.

        A try before may have done a part of it, or a clock may have been set back.
        """
        known = self.is_whole and self.epoch and self.last_at >= self.began
        return self.last_at - self.began if known else None

    def _add_epoch(self, event: ProgressRecord) -> None:
        if self.epoch == 0:
            self.is_whole = event.epoch == 1
        self.epoch, self.n_epochs = event.epoch, event.n_epochs
        self.seconds_left, self.epoch_at = event.seconds_left, event.at
        if event.figures is None:  # of an older version
            return
        of = event.figures
        self._newest = Epoch(event.epoch, of.loss, of.accuracy, of.val_loss, of.val_accuracy)
        while self._kept and self._kept[-1].number >= event.epoch:
            self._kept.pop()
        if (event.epoch - 1) % self._stride == 0:
            self._kept.append(self._newest)
        if len(self._kept) > MAX_POINTS:
            self._stride *= 2
            self._kept = [each for each in self._kept if (each.number - 1) % self._stride == 0]
