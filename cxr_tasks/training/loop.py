"""The training of one model: epochs, early stopping, and going on after an interruption.

Every random choice of an epoch comes from (seed, epoch) alone, because a saved Keras model
carries no state of its dropout and augmentation. So a resumed training repeats the numbers of
an undisturbed one to the bit, on the same machine with the same thread count.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError
from cxr_tasks.training.checkpoint import Arrays, Checkpoint, load_checkpoint, save_checkpoint
from cxr_tasks.training.early_stopping import EarlyStopping, early_stopping
from cxr_tasks.training.epoch import EpochResult, EpochTrainer, LabelledImages, TrainingSettings
from cxr_tasks.training.keras_runtime import library_versions
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.progress import warning

Model = Any

CHECKPOINT_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; the model then has the weights of `kept_epoch`."""

    history: tuple[EpochResult, ...]  # every epoch, those before an interruption included
    kept_epoch: int  # the epoch, counted from 1, with the lowest validation loss; or the last one
    stopped_early: bool  # whether patience ended it and not the limit of epochs
    # the last epoch of an interrupted training that was continued; 0 for one that began here
    resumed_after_epoch: int
    prepare_seconds: float  # time from the call to the first epoch that was trained here

    @property
    def train_seconds(self) -> float:
        """Time of all epochs, those before an interruption included."""
        return sum(epoch.seconds for epoch in self.history)


def train(
    model: Model,
    train_data: LabelledImages,
    val_data: LabelledImages,
    settings: TrainingSettings,
    *,
    checkpoint: Path,
    on_epoch: Callable[[EpochResult], None],
    note: Callable[[str], None] = lambda _text: None,
    context: str = "",
    interval_seconds: float = CHECKPOINT_INTERVAL_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> TrainingResult:
    """Train until patience or epochs run out, and restore the weights to keep.

    A checkpoint of the very same training is continued; any other is left out, with a note.

    Args:
        model: As `build_model` returns it, not compiled; changed in place.
        train_data: What the weights are fitted to; not empty.
        val_data: What early stopping looks at; not empty.
        settings: How to train.
        checkpoint: Where the checkpoint is, or is to be.
        on_epoch: Receives each epoch that is trained here, after a due checkpoint was written;
            what it raises ends the training, which can be resumed.
        note: Receives what a person should know about the checkpoint.
        context: What else the numbers depend on, such as data set and thread count.
        interval_seconds: Minimum time between two checkpoints; the first epoch and the last always
            have one.
        clock: Seconds that only grow.

    Raises:
        TrainingError: A loss or a weight is no finite number.
    """
    called = clock()
    trainer = EpochTrainer(model, train_data, val_data, settings)
    state, fingerprint = trainer.state, _fingerprint(trainer, context)
    history, best_weights = _resume(checkpoint, fingerprint, trainer, note)
    resumed_after, prepare_seconds = len(history), clock() - called
    stopping = _stopping(history, settings)
    saved_at = -math.inf  # the first epoch is kept too, for a training killed early
    while len(history) < settings.epochs and not stopping.stops:
        started, epoch = clock(), len(history) + 1
        means = trainer.run(epoch)
        history.append(EpochResult(epoch=epoch, seconds=clock() - started, **means))
        stopping = _stopping(history, settings)
        if stopping.best_epoch == epoch:
            best_weights = state.weights()
        is_last = epoch == settings.epochs or stopping.stops
        if is_last or clock() - saved_at >= interval_seconds:
            epochs = [asdict(each) for each in history]
            kept = Checkpoint(fingerprint, epochs, state.weights(), state.optimizer(), best_weights)
            save_checkpoint(checkpoint, kept)
            saved_at = clock()
        on_epoch(history[-1])
    if settings.keep_best:
        state.restore(best_weights)
    kept_epoch = stopping.best_epoch if settings.keep_best else len(history)
    return TrainingResult(
        tuple(history), kept_epoch, stopping.stops, resumed_after, prepare_seconds
    )


def _stopping(history: list[EpochResult], settings: TrainingSettings) -> EarlyStopping:
    return early_stopping([epoch.val_loss for epoch in history], patience=settings.patience)


def _fingerprint(trainer: EpochTrainer, context: str) -> str:
    parts = [
        each for data in (trainer.train_data, trainer.val_data) for each in (data.rows, data.labels)
    ]
    return digest_of(
        {
            "settings": asdict(trainer.settings),
            "data": [[str(part.dtype), part.tolist()] for part in parts],
            "first_weights": trainer.state.digest(),
            "context": context,
            "versions": library_versions(),
        }
    )


def _resume(
    path: Path, fingerprint: str, trainer: EpochTrainer, note: Callable[[str], None]
) -> tuple[list[EpochResult], Arrays]:
    """Restore the model as the checkpoint has it; return its epochs and its best weights."""
    try:
        found = load_checkpoint(path)
    except ArtifactError as err:
        note(warning(f"{err.problem} The training begins again."))
        return [], ()
    if found is None:
        return [], ()
    if found.fingerprint != fingerprint:
        note(
            warning(
                f"The checkpoint {path} is of another training (settings, data or first weights "
                "differ). The training begins again."
            )
        )
        return [], ()
    trainer.state.restore(found.weights, found.optimizer)
    note(f"Continuing after epoch {len(found.history)}.")
    return [EpochResult(**epoch) for epoch in found.history], found.best_weights
