"""One epoch of training: every training image once, then the validation images."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import TrainingError
from cxr_tasks.training.batch_statistics import RunningStatistics
from cxr_tasks.training.labelled_images import LabelledImages
from cxr_tasks.training.model_state import ModelState

Model = Any


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
        keep_best: Whether the model ends with the weights of its best epoch, not of its last.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    class_weight: dict[int, float] | None = None
    keep_best: bool = True


def prepare(
    model: Model, train_data: LabelledImages, val_data: LabelledImages, settings: TrainingSettings
) -> ModelState:
    """Compile the model, and have Keras trace its steps for all batches to come.

    With TensorFlow Keras traces the first batch for its own size and, at another size, once more
    for all. The first batches of a training would run through a graph of their own, and so would
    those after an interruption, elsewhere in the training; here all real batches use the same
    one. JAX compiles for each size, so it is given those that come.
    """
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
        # Without it JAX would run every operation by itself.
        jit_compile=keras.backend.backend() == "jax",
    )
    state = ModelState.of(model)
    before = state.weights(), state.optimizer()
    for images, labels in _first_batches(train_data, settings.batch_size):
        model.train_on_batch(images, labels, sample_weight=_weights(labels, settings))
    for images, labels in _first_batches(val_data, settings.batch_size):
        model.test_on_batch(images, labels)
    state.restore(*before)
    return state


def run_epoch(
    state: ModelState,
    train_data: LabelledImages,
    val_data: LabelledImages,
    settings: TrainingSettings,
    epoch: int,
) -> dict[str, float]:
    """Train on every image once, then look at the validation images.

    Order, dropout and augmentation come from (seed, epoch) alone. Where batch normalisation is
    trained, validation images are looked at once more under statistics without lag, which changes
    nothing of the training.

    Returns:
        Means over images: loss, accuracy, val_loss, val_accuracy; under statistics without lag
        val_loss_no_lag and val_accuracy_no_lag.

    Raises:
        TrainingError: A loss or a weight is no finite number.
    """
    model, running = state.model, RunningStatistics.of(state.model)
    before = running.copies()
    state.seed_random_layers(settings.seed, epoch)
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(train_data))
    trained = []
    for images, labels in train_data.batches(settings.batch_size, order=order):
        weights = _weights(labels, settings)
        logs = model.train_on_batch(images, labels, sample_weight=weights, return_dict=True)
        trained.append((logs, len(labels)))
    means = _means(trained, "{}") | _validate(model, val_data, settings, "val_{}")
    _check_finite(means, state, epoch, settings)
    if not running:
        return means
    with running.replaced(running.of_epoch(before, n_steps=len(trained))):
        return means | _validate(model, val_data, settings, "val_{}_no_lag")


def _validate(
    model: Model, data: LabelledImages, settings: TrainingSettings, name: str
) -> dict[str, float]:
    batches = [
        (model.test_on_batch(images, labels, return_dict=True), len(labels))
        for images, labels in data.batches(settings.batch_size)
    ]
    return _means(batches, name)


def _first_batches(
    data: LabelledImages, batch_size: int
) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
    """Return a batch of each size that Keras has to see once, before the numbers count."""
    import keras

    sizes = [1, 2]
    if keras.backend.backend() == "jax":
        whole, rest = divmod(len(data), batch_size)
        sizes = [size for size, comes in ((batch_size, whole), (rest, rest)) if comes]
    for size in sizes:
        yield next(data.batches(size, order=np.zeros(size, np.intp)))


def _weights(labels: NDArray[np.float32], settings: TrainingSettings) -> NDArray[np.float32] | None:
    if settings.class_weight is None:
        return None
    factors = [settings.class_weight[int(label)] for label in labels.ravel()]
    return np.asarray(factors, np.float32)


def _check_finite(
    means: dict[str, float], state: ModelState, epoch: int, settings: TrainingSettings
) -> None:
    """Refuse an epoch that lost its numbers.

    The loss alone does not tell: a ReLU makes 0 of NaN, and so does a division by an infinite
    variance of anything.
    """
    broken = [
        f"{name} {means[name]}" for name in ("loss", "val_loss") if not math.isfinite(means[name])
    ]
    if not broken and state.is_finite():
        return
    problem = f"the loss is no number ({', '.join(broken)})" if broken else "a weight is no number"
    raise TrainingError(
        f"In epoch {epoch} {problem}.",
        "A training whose loss or weights are no finite numbers cannot recover.",
        "Check the backbone weights; else start a new run with precision=float32, another "
        f"batch_size (it was {settings.batch_size}) or another seed ({settings.seed}); the "
        f"variant's learning rate is {settings.learning_rate:g}.",
    )


def _means(batches: list[tuple[dict[str, Any], int]], key: str) -> dict[str, float]:
    """Give the means over images of what Keras gave for each batch."""
    n_images = sum(n for _, n in batches)
    return {
        key.format(name): sum(float(logs[name]) * n for logs, n in batches) / n_images
        for name in ("loss", "accuracy")
    }
