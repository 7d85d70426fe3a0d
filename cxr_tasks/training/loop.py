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
from cxr_tasks.training.early_stopping import EarlyStopping
from cxr_tasks.training.epoch import TrainingSettings, prepare, run_epoch
from cxr_tasks.training.keras_runtime import library_versions
from cxr_tasks.training.labelled_images import LabelledImages
from cxr_tasks.training.model_state import ModelState
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.progress import warning

__all__ = ["EpochResult", "LabelledImages", "TrainingResult", "TrainingSettings", "train"]

Model = Any

CHECKPOINT_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True)
class EpochResult:
    """An epoch's figures; those without `val_` are means over its training steps.

    Those with `_no_lag` are of batch statistics without lag; None where the training moves none.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    val_loss_no_lag: float | None = None
    val_accuracy_no_lag: float | None = None


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; the model then has the weights of `kept_epoch`.

    Args:
        history: Every epoch, those before an interruption included.
        kept_epoch: The epoch, counted from 1, with the lowest validation loss; or the last one.
        stopped_early: Whether patience ended it and not the limit of epochs.
        resumed_after_epoch: The last epoch of an interrupted training that was continued; 0 for
            one that began here.
        prepare_seconds: Time from the call to the first epoch that was trained here.
    """

    history: tuple[EpochResult, ...]
    kept_epoch: int
    stopped_early: bool
    resumed_after_epoch: int
    prepare_seconds: float

    @property
    def train_seconds(self) -> float:
        """Time of all epochs, those before an interruption included."""
        return sum(epoch.seconds for epoch in self.history)


@dataclass(frozen=True)
class _Moment:
    """Everything that changes from epoch to epoch, but the model itself."""

    stopping: EarlyStopping
    history: tuple[EpochResult, ...] = ()
    best_weights: Arrays = ()

    @property
    def epoch(self) -> int:
        return len(self.history)


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
    """Train until patience or epochs run out, and give the model the weights to keep.

    A checkpoint of the very same training is continued; any other is left out, with a note.

    Args:
        model: As `build_model` gives it, not compiled; changed in place.
        train_data: What the weights are fitted to; not empty.
        val_data: What early stopping looks at; not empty.
        settings: How to train.
        checkpoint: Where the checkpoint is, or is to be.
        on_epoch: Told each epoch that is trained here, after a due checkpoint was written; what
            it raises ends the training, which can be resumed.
        note: Told what a person should know about the checkpoint.
        context: What else the numbers depend on, such as data set and thread count.
        interval_seconds: Least time between two checkpoints; the first epoch and the last always
            have one.
        clock: Seconds that only grow.

    Raises:
        TrainingError: A loss or a weight is no finite number.
    """
    called = clock()
    state = prepare(model, train_data, val_data, settings)
    fingerprint = _fingerprint(state, train_data, val_data, settings, context)
    moment = _resume(checkpoint, fingerprint, state, settings, note)
    resumed_after, prepare_seconds = moment.epoch, clock() - called
    saved_at = -math.inf  # the first epoch is kept too, for a training killed early
    while moment.epoch < settings.epochs and not moment.stopping.stops:
        started = clock()
        figures = run_epoch(state, train_data, val_data, settings, moment.epoch + 1)
        moment = _after_epoch(moment, state, figures, seconds=clock() - started)
        is_last = moment.epoch == settings.epochs or moment.stopping.stops
        if is_last or clock() - saved_at >= interval_seconds:
            save_checkpoint(checkpoint, _to_checkpoint(moment, state, fingerprint))
            saved_at = clock()
        on_epoch(moment.history[-1])
    if settings.keep_best:
        state.restore(moment.best_weights)
    return TrainingResult(
        moment.history,
        moment.stopping.best_epoch if settings.keep_best else moment.epoch,
        moment.stopping.stops,
        resumed_after,
        prepare_seconds,
    )


def _fingerprint(
    state: ModelState,
    train_data: LabelledImages,
    val_data: LabelledImages,
    settings: TrainingSettings,
    context: str,
) -> str:
    parts = [array for data in (train_data, val_data) for array in (data.rows, data.labels)]
    return digest_of(
        {
            "settings": asdict(settings),
            "data": [[str(part.dtype), part.tolist()] for part in parts],
            "first_weights": state.digest(),
            "context": context,
            "versions": library_versions(),
        }
    )


def _resume(
    path: Path,
    fingerprint: str,
    state: ModelState,
    settings: TrainingSettings,
    note: Callable[[str], None],
) -> _Moment:
    start = _Moment(EarlyStopping(settings.patience))
    try:
        found = load_checkpoint(path)
    except ArtifactError as err:
        note(warning(f"{err.problem} The training begins again."))
        return start
    if found is None:
        return start
    if found.fingerprint != fingerprint:
        note(
            warning(
                f"The checkpoint {path} is of another training (settings, data or first weights "
                "differ). The training begins again."
            )
        )
        return start
    state.restore(found.weights, found.optimizer)
    history = tuple(EpochResult(**epoch) for epoch in found.facts["history"])
    note(f"Continuing after epoch {len(history)}.")
    return _Moment(EarlyStopping(**found.facts["stopping"]), history, found.best_weights)


def _after_epoch(
    moment: _Moment, state: ModelState, means: dict[str, float], *, seconds: float
) -> _Moment:
    result = EpochResult(epoch=moment.epoch + 1, seconds=seconds, **means)
    stopping = moment.stopping.after(result.epoch, result.val_loss)
    is_best = stopping.best_epoch == result.epoch
    best_weights = state.weights() if is_best else moment.best_weights
    return _Moment(stopping, (*moment.history, result), best_weights)


def _to_checkpoint(moment: _Moment, state: ModelState, fingerprint: str) -> Checkpoint:
    facts = {
        "history": [asdict(epoch) for epoch in moment.history],
        "stopping": asdict(moment.stopping),
    }
    return Checkpoint(fingerprint, facts, state.weights(), state.optimizer(), moment.best_weights)
