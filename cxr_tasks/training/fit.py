"""One fit of a network, from first weights to a saved model: of a run, a fold, or a final fit."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.data.split import rows_of
from cxr_tasks.errors import TrainingError
from cxr_tasks.machine.memory import ran_out
from cxr_tasks.training.early_stopping import describe_without_lag
from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.gpu_lease import CardLease
from cxr_tasks.training.keras_runtime import computing_in, describe_device, start_keras
from cxr_tasks.training.loop import TrainingResult, train
from cxr_tasks.training.model_file import predict_scores, save_model
from cxr_tasks.training.networks import augment
from cxr_tasks.training.task import Trainable, TrainingTask, trainable_part
from cxr_tasks.training.training_record import FitFacts, StoppedBy
from cxr_tasks.volume.files import write_rows, write_table
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.progress_record import EpochFigures

HISTORY_COLUMNS = [field.name for field in fields(EpochResult)]
N_AUGMENTED_EXAMPLES = 6
CHECKPOINT = "checkpoint.npz"
Model = Any


def fit(
    task: TrainingTask,
    folder: Path,
    *,
    progress: Progress,
    card: CardLease,
    with_scores: bool = False,
) -> FitFacts:
    """Train into a folder, on a leased card where there are cards; go on from its checkpoint.

    Writes `model.keras`, `history.csv`, and where images are augmented `augmented.npy`; the
    checkpoint stays until the training's record is written.

    Args:
        task: What to train, and on what.
        folder: Where to; made where it is missing.
        progress: Reports every epoch.
        card: The card of this process.
        with_scores: Whether to write `scores.csv` too: row, path, label, group, part and score
            of every image that did not train.

    Raises:
        TrainingError: The loss is no number, or memory ran out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if progress.fit:  # of several: whoever watches learns which one loads and prepares now
        progress.emit("start", "started")
    leased = card()
    with naming_batch_size(task.config.batch_size):
        started = time.monotonic()
        start_keras(threads=task.config.threads, seed=task.seed, card=leased)
        model = task.build()
        trainable = trainable_part(model, task, note=progress.note)
        prepare_seconds = time.monotonic() - started
        result = train_network(
            task, trainable, folder, on_epoch=_reporter(task, progress), note=progress.note
        )
        save_model(model, folder / "model.keras")
        write_rows(folder / "history.csv", HISTORY_COLUMNS, map(asdict, result.history))
        if task.variant.augmented:
            _save_augmented_examples(task, folder / "augmented.npy")
        if with_scores:
            _save_scores(task, trainable, folder / "scores.csv")
        return _describe(
            task,
            model,
            trainable,
            result,
            prepare_seconds=prepare_seconds + result.prepare_seconds,
            model_bytes=(folder / "model.keras").stat().st_size,
        )


def train_network(
    task: TrainingTask,
    trainable: Trainable,
    folder: Path,
    *,
    on_epoch: Callable[[EpochResult], None],
    note: Callable[[str], None],
) -> TrainingResult:
    """Train the part of a network that changes; go on from the checkpoint in the folder."""
    with computing_in(trainable.precision, trainable.network):
        return train(
            trainable.network,
            task.labelled("train", trainable.values),
            task.labelled("val", trainable.values),
            task.settings,
            checkpoint=folder / CHECKPOINT,
            on_epoch=on_epoch,
            note=note,
            context=f"{task.context} {trainable.precision} {trainable.key}",
        )


@contextmanager
def naming_batch_size(batch_size: int) -> Iterator[None]:
    """Turn an error of exhausted memory into one that names the setting which decides about it.

    The batch size is never changed for the user: another one would be another training.

    Raises:
        TrainingError: Memory ran out.
    """
    try:
        yield
    except Exception as err:
        if not ran_out(err):
            raise
        raise TrainingError(
            f"Memory ran out with batch_size={batch_size} ({type(err).__name__}).",
            "The images of one batch and what every layer makes of them have to fit into the "
            "memory of the device.",
            "Set a smaller batch_size (command line: --batch-size) in a new run, or free memory "
            "and run this one again: it goes on where it stopped.",
        ) from err


def _reporter(task: TrainingTask, progress: Progress) -> Callable[[EpochResult], None]:
    """Report each epoch, and how long the rest takes at most."""
    n_epochs = task.settings.epochs

    def report(result: EpochResult) -> None:
        progress.epoch(
            result.epoch,
            n_epochs=n_epochs,
            seconds_left=result.seconds * (n_epochs - result.epoch),
            text=f"loss {result.loss:.4f}, val_loss {result.val_loss:.4f}, "
            f"val_accuracy {result.val_accuracy:.3f}",
            figures=figures_of(result),
        )

    return report


def figures_of(result: EpochResult) -> EpochFigures:
    """Return what an event says of an epoch; figures without lag, unlike others, are unchecked."""
    return EpochFigures(
        loss=result.loss,
        accuracy=result.accuracy,
        val_loss=result.val_loss,
        val_accuracy=result.val_accuracy,
        val_loss_no_lag=_finite(result.val_loss_no_lag),
        val_accuracy_no_lag=_finite(result.val_accuracy_no_lag),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _save_augmented_examples(task: TrainingTask, path: Path) -> None:
    originals = task.dataset.images[task.train_rows[:N_AUGMENTED_EXAMPLES]]
    np.save(path, np.stack([originals, augment(originals, seed=task.seed)]))


def _save_scores(task: TrainingTask, trainable: Trainable, path: Path) -> None:
    table = task.split[task.split["part"] != "train"]
    rows = table.index.to_numpy(dtype=np.intp)
    scores = predict_scores(trainable.model, trainable.values, rows)
    scored = pd.DataFrame({"row": rows, **table, "score": scores})
    write_table(scored, path)


def _describe(
    task: TrainingTask,
    model: Model,
    trainable: Trainable,
    result: TrainingResult,
    *,
    prepare_seconds: float,
    model_bytes: int,
) -> FitFacts:
    settings, weights, history = task.settings, task.settings.class_weight, result.history
    stopped_by: StoppedBy = "patience" if result.stopped_early else "epochs"
    if task.n_epochs is not None:
        stopped_by = "folds"
    return FitFacts(
        variant=task.variant.name,
        n_parameters=int(model.count_params()),
        n_trainable_parameters=sum(
            int(np.prod(weight.shape)) for weight in model.trainable_weights
        ),
        epochs_run=len(history),
        best_epoch=result.kept_epoch,
        stopped_by=stopped_by,
        without_lag=describe_without_lag(
            history, patience=settings.patience, stopped_by=stopped_by
        ),
        max_epochs=settings.epochs,
        patience=settings.patience,
        train_seconds=round(result.train_seconds, 3),
        seconds_per_epoch=round(result.train_seconds / len(history), 4),
        resumed_from_epoch=result.resumed_after_epoch,
        device=describe_device(),
        threads=task.config.threads,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        class_weight={str(label): each for label, each in weights.items()} if weights else None,
        n_train=len(task.train_rows),
        n_val=len(rows_of(task.split, "val")),
        model_bytes=model_bytes,
        weights_origin=task.weights_origin,
        prepare_seconds=round(prepare_seconds, 3),
        precision=trainable.precision,
        cut_after=trainable.cut_after,
        activations=trainable.key,
        n_activations_computed=trainable.n_computed,
    )
