"""Lag alone: validation loss if all weights stood still and only running statistics moved.

The backbone keeps its ImageNet weights. A head is fitted to what it gives in training mode, where
each batch is normalised by its own statistics. So nothing is left to learn, and how validation loss
moves from epoch to epoch is a matter of the statistics that validation uses. How high it is depends
on how sure of itself the head is: several are measured, fitted for longer and longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.data.split import rows_of
from cxr_tasks.statistics.metrics import measure
from cxr_tasks.training.batch_norm import RunningStatistics, with_fused_batch_norm
from cxr_tasks.training.checkpoint import Arrays
from cxr_tasks.training.epoch import LabelledImages
from cxr_tasks.training.task import TrainingTask

EPOCHS = (0, 5, 10, 16, 22, 30, 40, 52, 65, 80, 100, 125, 150, 175, 200, 250, 300, 400, 500, None)
"""After which the statistics are looked at; None is the limit of infinitely many."""
COLUMNS = ["head_epochs", "epoch", "share_of_new_statistics", "val_loss", "val_accuracy"]

N_PASSES = 3
"""Through the training images, each in another order: other batches, other statistics."""
HEAD_EPOCHS = (15, 30, 60, 127)
"""Over the training images; the study trained Model 2, a head on a frozen backbone, for 127."""
HEAD_LEARNING_RATE = 1e-4
"""The study's for Model 2."""

Model = Any
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """What a head is given by the backbone."""

    train: Features  # shape (n, 1280); of training images in training mode, batch by batch
    train_labels: NDArray[np.float32]  # shape (n, 1)
    # for each of `EPOCHS`, shape (n_val, 1280); of validation images, normalised by the running
    # statistics as they are by then
    val: tuple[Features, ...]
    # for each of `EPOCHS`, how far these have come from the pre-training's to the new
    shares: tuple[float, ...]
    n_layers: int  # how many layers of batch normalisation there are


def see(task: TrainingTask) -> Seen:
    """Run the images through the backbone, with its own statistics and those in between."""
    import keras

    model = task.build()
    backbone = keras.Model(model.inputs, model.get_layer("average").output, name="features")
    running = RunningStatistics(backbone)
    old, data = running.copies(), task.labelled("train", task.dataset.images)
    train, labels = _in_training_mode(backbone, data, task)
    n_steps = -(-len(data) // task.settings.batch_size)
    new = running.of_epoch(old, n_steps=N_PASSES * n_steps)
    shares = tuple(
        1.0 if epoch is None else 1 - _momentum_of(backbone) ** (epoch * n_steps)
        for epoch in EPOCHS
    )
    images = np.asarray(task.dataset.images[rows_of(task.split, "val")])
    val = []
    for share in shares:
        with running.replaced(_mixed(old, new, share)):
            val.append(np.asarray(backbone.predict_on_batch(images)))
    return Seen(train, labels, tuple(val), shares, n_layers=len(old) // 2)


def validate_heads(seen: Seen, task: TrainingTask) -> Iterator[dict[str, Any]]:
    """Fit a head for longer and longer, and validate it at each mixture.

    Yields:
        A row of `COLUMNS`.
    """
    labels = task.split["label"].to_numpy(np.int64)[rows_of(task.split, "val")]
    for head_epochs, head in _fitted_heads(seen, task):
        for epoch, share, features in zip(EPOCHS, seen.shares, seen.val, strict=True):
            scores = np.asarray(head.predict_on_batch(features), np.float64)[:, 0]
            found = measure(labels, scores)
            yield {
                "head_epochs": head_epochs,
                "epoch": epoch,
                "share_of_new_statistics": round(share, 4),
                "val_loss": round(found.loss, 4),
                "val_accuracy": round(found.accuracy or 0, 4),
            }


def _momentum_of(backbone: Model) -> float:
    momenta = {layer.momentum for layer in backbone.layers if hasattr(layer, "moving_mean")}
    (momentum,) = momenta
    return float(momentum)


def _mixed(old: Arrays, new: Arrays, share: float) -> Arrays:
    pairs = zip(old, new, strict=True)
    return tuple(((1 - share) * one + share * other).astype(np.float32) for one, other in pairs)


def _in_training_mode(
    backbone: Model, data: LabelledImages, task: TrainingTask
) -> tuple[Features, NDArray[np.float32]]:
    """Run training images through the backbone as a training step does, without the step."""
    import keras

    fast = with_fused_batch_norm(backbone)

    class TrainingMode(keras.Model):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            return fast(images, training=True)

    network, found = TrainingMode(), []
    for number in range(N_PASSES):
        order = np.random.default_rng([task.seed, number]).permutation(len(data))
        for images, labels in data.batches(task.settings.batch_size, order=order):
            found.append((network.predict_on_batch(images), labels))
    features, all_labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return features, all_labels


def _fitted_heads(seen: Seen, task: TrainingTask) -> Iterator[tuple[int, Model]]:
    import keras

    model = task.build()
    head = keras.Model(model.get_layer("average").output, model.outputs, name="head")
    head.compile(keras.optimizers.Adam(HEAD_LEARNING_RATE), loss="binary_crossentropy")
    n_each = len(seen.train) // N_PASSES
    done = 0
    for head_epochs in HEAD_EPOCHS:
        while done < head_epochs:
            order = np.random.default_rng([task.seed, done]).permutation(n_each)
            order += n_each * (done % N_PASSES)
            head.fit(
                seen.train[order],
                seen.train_labels[order],
                batch_size=task.settings.batch_size,
                shuffle=False,
                verbose=0,
            )
            done += 1
        yield head_epochs, head
