"""The training of one model: epochs, early stopping, and going on after an interruption.

Every random choice of an epoch comes from (seed, epoch) alone, because a saved Keras model
carries no state of its dropout and augmentation. So a resumed training repeats the numbers of
an undisturbed one to the bit, on the same machine with the same thread count.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.checkpoint import Arrays, Checkpoint, load_checkpoint, save_checkpoint
from cxr_tasks.errors import ArtifactError, TrainingError
from cxr_tasks.files import digest_of
from cxr_tasks.model_state import ModelState

Model = Any

CHECKPOINT_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True)
class LabelledImages:
    """Some images of a store, with their labels; read batch by batch, so memory stays flat.

    Args:
        images: Shape (n_stored, ...); usually memory-mapped uint8 images.
        rows: Shape (n,); which of them.
        labels: Shape (n,); 1.0 is COVID-19, 0.0 is normal; in the order of `rows`.
    """

    images: NDArray[Any]
    rows: NDArray[np.intp]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(
        self, size: int, *, order: NDArray[np.intp] | None = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
        """Read images and labels, (b, ...) and (b, 1); the last batch may be smaller."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            labels = self.labels[chosen].astype(np.float32).reshape(-1, 1)
            yield np.asarray(self.images[self.rows[chosen]]), labels


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Args:
        epochs: Most epochs.
        patience: Epochs without a lower validation loss before training stops.
        batch_size: Images in one step.
        learning_rate: Adam's.
        seed: Decides order of images, dropout and augmentation.
        class_weight: Factor of the training loss by label; None weighs all images equally.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    class_weight: dict[int, float] | None = None


@dataclass(frozen=True)
class EpochResult:
    """An epoch's figures; those without `val_` are means over its training steps."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; the model then has the weights of `best_epoch`.

    Args:
        history: Every epoch, those before an interruption included.
        best_epoch: The epoch, counted from 1, with the lowest validation loss.
        stopped_early: Whether patience ended it and not the limit of epochs.
        resumed_after_epoch: The last epoch of an interrupted training that was continued; 0 for
            one that began here.
    """

    history: tuple[EpochResult, ...]
    best_epoch: int
    stopped_early: bool
    resumed_after_epoch: int

    @property
    def train_seconds(self) -> float:
        """Time of all epochs, those before an interruption included."""
        return sum(epoch.seconds for epoch in self.history)


@dataclass(frozen=True)
class EarlyStopping:
    """Keras' EarlyStopping on the validation loss, as a value that can be written down."""

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
    """Train until patience or epochs run out, and give the model its best epoch's weights.

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
        interval_seconds: Least time between two checkpoints; one is always written at the end.
        clock: Seconds that only grow.

    Raises:
        TrainingError: A loss is no number.
    """
    state = _prepare(model, train_data, settings)
    fingerprint = _fingerprint(state, train_data, val_data, settings, context)
    moment = _resume(checkpoint, fingerprint, state, settings, note)
    resumed_after, saved_at = moment.epoch, clock()
    while moment.epoch < settings.epochs and not moment.stopping.stops:
        started = clock()
        figures = _run_epoch(state, train_data, val_data, settings, moment.epoch + 1)
        moment = _after_epoch(moment, state, figures, seconds=clock() - started)
        is_last = moment.epoch == settings.epochs or moment.stopping.stops
        if is_last or clock() - saved_at >= interval_seconds:
            save_checkpoint(checkpoint, _to_checkpoint(moment, state, fingerprint))
            saved_at = clock()
        on_epoch(moment.history[-1])
    state.restore(moment.best_weights)
    return TrainingResult(
        moment.history, moment.stopping.best_epoch, moment.stopping.stops, resumed_after
    )


def _prepare(model: Model, data: LabelledImages, settings: TrainingSettings) -> ModelState:
    """Compile the model, and have Keras trace its steps for batches of any size.

    Keras traces the first batch for its own size and, at another size, once more for all. The
    first batches of a training would run through a graph of their own, and so would those
    after an interruption, elsewhere in the training; here all real batches use the same one.
    """
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
        jit_compile=False,
    )
    state = ModelState.of(model)
    before = state.weights(), state.optimizer()
    for n_images in (1, 2):
        images, labels = next(data.batches(n_images, order=np.zeros(n_images, np.intp)))
        model.train_on_batch(images, labels, sample_weight=_weights(labels, settings))
        model.test_on_batch(images, labels)
    state.restore(*before)
    return state


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
        note(f"{err.problem} The training begins again.")
        return start
    if found is None:
        return start
    if found.fingerprint != fingerprint:
        note(f"The checkpoint {path} is of another training (settings, data or first weights "
             "differ). The training begins again.")  # fmt: skip
        return start
    state.restore(found.weights, found.optimizer)
    history = tuple(EpochResult(**epoch) for epoch in found.facts["history"])
    note(f"Continuing after epoch {len(history)}.")
    return _Moment(EarlyStopping(**found.facts["stopping"]), history, found.best_weights)


def _run_epoch(
    state: ModelState,
    train_data: LabelledImages,
    val_data: LabelledImages,
    settings: TrainingSettings,
    epoch: int,
) -> dict[str, float]:
    """Train on every image once, then look at the validation images."""
    model = state.model
    state.seed_random_layers(settings.seed, epoch)
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(train_data))
    trained = _Means()
    for images, labels in train_data.batches(settings.batch_size, order=order):
        weights = _weights(labels, settings)
        logs = model.train_on_batch(images, labels, sample_weight=weights, return_dict=True)
        trained.add(logs, len(labels))
    validated = _Means()
    for images, labels in val_data.batches(settings.batch_size):
        validated.add(model.test_on_batch(images, labels, return_dict=True), len(labels))
    means = {**trained.means(), **{f"val_{k}": v for k, v in validated.means().items()}}
    _check_finite(means, epoch, settings)
    return means


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
    return Checkpoint(
        fingerprint, facts, state.weights(), state.optimizer(), moment.best_weights
    )


def _weights(labels: NDArray[np.float32], settings: TrainingSettings) -> NDArray[np.float32] | None:
    if settings.class_weight is None:
        return None
    factors = [settings.class_weight[int(label)] for label in labels.ravel()]
    return np.asarray(factors, np.float32)


def _check_finite(means: dict[str, float], epoch: int, settings: TrainingSettings) -> None:
    broken = [f"{name} {means[name]}" for name in ("loss", "val_loss")
              if not math.isfinite(means[name])]  # fmt: skip
    if broken:
        raise TrainingError(
            f"In epoch {epoch} the loss is no number ({', '.join(broken)}).",
            "A training whose loss is no number has lost its weights and cannot recover.",
            f"Lower the learning rate (it was {settings.learning_rate:g}), and check the "
            "backbone weights.",
        )


class _Means:
    """Means over images of what Keras gives for each batch."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._n_images = 0

    def add(self, logs: dict[str, Any], n_images: int) -> None:
        self._n_images += n_images
        for name, value in logs.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value) * n_images

    def means(self) -> dict[str, float]:
        return {name: total / self._n_images for name, total in self._sums.items()}
