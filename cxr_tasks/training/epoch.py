"""One epoch of training: every training image once, then the validation images."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import TrainingError
from cxr_tasks.training.batch_norm import RunningStatistics
from cxr_tasks.training.checkpoint import ModelState

Model = Any
Batch = tuple[NDArray[Any], NDArray[np.float32]]


@dataclass(frozen=True)
class LabelledImages:
    """Some images of a store, with their labels; read batch by batch, so memory stays flat."""

    images: NDArray[Any]  # shape (n_stored, ...); usually memory-mapped uint8 images
    rows: NDArray[np.intp]  # shape (n,); which of them
    # shape (n,); 1.0 is COVID-19, 0.0 is normal; in the order of `rows`
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int, *, order: NDArray[np.intp] | None = None) -> Iterator[Batch]:
        """Read images and labels, (b, ...) and (b, 1); the last batch may be smaller."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            labels = self.labels[chosen].astype(np.float32).reshape(-1, 1)
            yield np.asarray(self.images[self.rows[chosen]]), labels


@dataclass(frozen=True)
class TrainingSettings:
    """How to train."""

    epochs: int  # maximum number of epochs
    patience: int  # epochs without a lower validation loss before training stops
    batch_size: int  # images in one step
    learning_rate: float  # Adam's
    seed: int  # decides order of images, dropout and augmentation
    # factor of the training loss by label; None weighs all images equally
    class_weight: dict[int, float] | None = None
    # whether the model ends with the weights of its best epoch, not of its last
    keep_best: bool = True


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


class EpochTrainer:
    """A model with what it learns from, compiled and traced, to be trained epoch by epoch.

    With TensorFlow Keras traces the first batch for its own size and, at another size, once more
    for all. The first batches of a training would run through a graph of their own, and so would
    those after an interruption, elsewhere in the training; here all real batches use the same
    one. JAX compiles for each size, so it is given those that come.
    """

    def __init__(
        self,
        model: Model,
        train_data: LabelledImages,
        val_data: LabelledImages,
        settings: TrainingSettings,
    ) -> None:
        import keras

        model.compile(
            optimizer=keras.optimizers.Adam(settings.learning_rate),
            loss=keras.losses.BinaryCrossentropy(),
            metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
            # Without it JAX would run every operation by itself.
            jit_compile=keras.backend.backend() == "jax",
        )
        self.state, self._running = ModelState(model), RunningStatistics(model)
        self.train_data, self.val_data, self.settings = train_data, val_data, settings
        before = self.state.weights(), self.state.optimizer()
        for batch in self._first_batches(train_data):
            self._train_on(*batch)
        for batch in self._first_batches(val_data):
            model.test_on_batch(*batch)
        self.state.restore(*before)

    def run(self, epoch: int) -> dict[str, float]:
        """Train on every image once, then look at the validation images.

        Order, dropout and augmentation come from (seed, epoch) alone. Where batch normalisation is
        trained, validation images are looked at once more under statistics without lag, which
        changes nothing of the training.

        Returns:
            Means over images: loss, accuracy, val_loss, val_accuracy; under statistics without lag
            val_loss_no_lag and val_accuracy_no_lag.

        Raises:
            TrainingError: A loss or a weight is no finite number.
        """
        running, seed = self._running, self.settings.seed
        before = running.copies()
        self.state.seed_random_layers(seed, epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(self.train_data))
        batches = self.train_data.batches(self.settings.batch_size, order=order)
        trained = [(self._train_on(*batch), len(batch[1])) for batch in batches]
        means = _means(trained, "{}") | self._validate("val_{}")
        self._check_finite(means, epoch)
        if not running:
            return means
        with running.replaced(running.of_epoch(before, n_steps=len(trained))):
            return means | self._validate("val_{}_no_lag")

    def _train_on(self, images: NDArray[Any], labels: NDArray[np.float32]) -> dict[str, Any]:
        factors = self.settings.class_weight
        weights = factors and np.asarray(
            [factors[int(label)] for label in labels[:, 0]], np.float32
        )
        logs: dict[str, Any] = self.state.model.train_on_batch(
            images, labels, sample_weight=weights, return_dict=True
        )
        return logs

    def _validate(self, name: str) -> dict[str, float]:
        batches = [
            (self.state.model.test_on_batch(images, labels, return_dict=True), len(labels))
            for images, labels in self.val_data.batches(self.settings.batch_size)
        ]
        return _means(batches, name)

    def _first_batches(self, data: LabelledImages) -> Iterator[Batch]:
        """Yield a batch of each size that Keras has to see once, before the numbers count."""
        import keras

        sizes = [1, 2]
        if keras.backend.backend() == "jax":
            size = self.settings.batch_size
            n_whole, rest = divmod(len(data), size)
            sizes = [size for size, comes in ((size, n_whole), (rest, rest)) if comes]
        for size in sizes:
            yield next(data.batches(size, order=np.zeros(size, np.intp)))

    def _check_finite(self, means: dict[str, float], epoch: int) -> None:
        """Refuse an epoch that lost its numbers.

        The loss alone does not show it: a ReLU makes 0 of NaN, and so does a division by an
        infinite variance of anything.
        """
        broken = [
            f"{name} {means[name]}"
            for name in ("loss", "val_loss")
            if not math.isfinite(means[name])
        ]
        if not broken and self.state.is_finite():
            return
        problem = (
            f"the loss is no number ({', '.join(broken)})" if broken else "a weight is no number"
        )
        settings = self.settings
        raise TrainingError(
            f"In epoch {epoch} {problem}.",
            "A training whose loss or weights are no finite numbers cannot recover.",
            "Check the backbone weights; else start a new run with precision=float32, another "
            f"batch_size (it was {settings.batch_size}) or another seed ({settings.seed}); the "
            f"variant's learning rate is {settings.learning_rate:g}.",
        )


def _means(batches: list[tuple[dict[str, Any], int]], key: str) -> dict[str, float]:
    """Return the means over images of what Keras returned for each batch."""
    n_images = sum(n for _, n in batches)
    return {
        key.format(name): sum(float(logs[name]) * n for logs, n in batches) / n_images
        for name in ("loss", "accuracy")
    }
