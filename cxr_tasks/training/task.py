"""What one variant is trained on and how: network, images, settings, what frozen layers gave."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import rows_of
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.activations import frozen_activations
from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
from cxr_tasks.training.keras_runtime import has_gpu
from cxr_tasks.training.loop import LabelledImages, TrainingSettings
from cxr_tasks.training.models import N_CALIBRATION_IMAGES, build_model, calibrate_batch_norm
from cxr_tasks.training.precision import FULL, choose_precision
from cxr_tasks.training.weights import weights_of
from cxr_tasks.variants import QUICKSTART_BATCH_NORM_MOMENTUM, Variant
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record

Model = Any


class TrainingTask:
    """One variant with the images it trains on.

    Args:
        run: Whose home has weights and activations.
        config: How to train.
        variant: What to train.
        dataset: The images.
        ingested: The record of the run's ingestion.
        split: The part of each image, in the data set's order: the run's own, or a fold's.
        seed: Decides first weights, order, dropout and augmentation.
        n_epochs: Train exactly so long and keep the last weights; None stops by patience and
            keeps the best.
    """

    def __init__(
        self,
        run: RunPaths,
        config: RunConfig,
        *,
        variant: Variant,
        dataset: Dataset,
        ingested: Record,
        split: pd.DataFrame,
        seed: int,
        n_epochs: int | None = None,
    ) -> None:
        self.home = run.home
        self.config = config
        self.variant = variant
        self.dataset = dataset
        self.split = split
        self.seed = seed
        self.n_epochs = n_epochs
        self.train_rows = rows_of(self.split, "train")
        self.weights = weights_of(run, ingested) if variant.uses_backbone else None
        self.weights_origin = ingested["weights"]["origin"] if variant.uses_backbone else "none"
        self.context = f"{dataset.fingerprint} {config.threads} {ingested['weights']['sha256']}"

    def labelled(self, part: str, values: npt.NDArray[Any]) -> LabelledImages:
        """Give a part of the split; `values` has a row for each image of the data set."""
        rows = rows_of(self.split, part)
        return LabelledImages(values, rows, self.split["label"].to_numpy(dtype=np.float32)[rows])

    @property
    def settings(self) -> TrainingSettings:
        """How this variant is trained: quickstart has epochs and learning rates of its own."""
        variant, quick = self.variant, self.config.profile == "quickstart"
        n_epochs = self.n_epochs
        return TrainingSettings(
            epochs=n_epochs or self.config.epochs or variant.quickstart_epochs,
            patience=n_epochs or self.config.patience,
            batch_size=self.config.batch_size,
            learning_rate=variant.quickstart_learning_rate if quick else variant.learning_rate,
            seed=self.seed,
            class_weight=self._class_weight() if self.config.class_weights else None,
            keep_best=n_epochs is None,
        )

    def build(self) -> Model:
        """Build the model as it is before the first epoch."""
        quick = self.config.profile == "quickstart"
        model = build_model(
            self.variant,
            seed=self.seed,
            backbone_weights=self.weights,
            batch_norm_momentum=QUICKSTART_BATCH_NORM_MOMENTUM if quick else None,
        )
        if self.weights_origin == "random":
            calibrate_batch_norm(model, self._some_training_images())
        return model

    def _some_training_images(self) -> npt.NDArray[np.uint8]:
        rows = self.train_rows
        return self.dataset.images[rows[:: -(-len(rows) // N_CALIBRATION_IMAGES)]]

    def _class_weight(self) -> dict[int, float]:
        """Weigh each class by n / (2 n_class), so that both count equally (King & Zeng 2001)."""
        labels = self.split["label"].to_numpy()[self.train_rows]
        return {label: len(labels) / (2 * int((labels == label).sum())) for label in (0, 1)}


@dataclass(frozen=True)
class Trainable:
    """What training works on: the layers that change, and what they are given.

    Attributes:
        model: Shares its layers with the whole network.
        values: What goes into it, a row for each image of the data set.
        precision: What it computes in; the frozen layers' rest, which is cheap, in float32.
        cut_after: Name of the last frozen layer that was left out, if any.
        key: Stands for `values` where they are activations.
        n_computed: How many activations were computed now.
    """

    model: Model
    values: npt.NDArray[Any]
    precision: str
    cut_after: str | None = None
    key: str = ""
    n_computed: int = 0


def trainable_part(model: Model, task: TrainingTask, *, note: Callable[[str], None]) -> Trainable:
    """Leave out the frozen layers: what they give is in the cache, or put there now."""
    cut = cut_frozen_prefix(model)
    if cut is None:
        precision = choose_precision(task.config.precision, has_gpu=has_gpu())
        return Trainable(model, task.dataset.images, precision)
    activations = frozen_activations(
        cut.prefix,
        task.dataset,
        home=task.home,
        config_fingerprint=task.config.fingerprint,
        seed=task.config.seed,
        note=note,
    )
    return Trainable(
        cut.rest, activations.values, FULL, cut.layer, activations.key, activations.n_computed
    )
