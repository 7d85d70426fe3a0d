"""One training of a run: network, images, settings, what the frozen layers give."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_fold, read_split, rows_of
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.runs.ingest_record import IngestFacts, IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.activations import frozen_activations
from cxr_tasks.training.batch_norm import with_fused_batch_norm
from cxr_tasks.training.epoch import LabelledImages, TrainingSettings
from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
from cxr_tasks.training.keras_runtime import FULL, choose_precision, has_gpu
from cxr_tasks.training.networks import build_model, calibrate_batch_norm
from cxr_tasks.training.weights import weights_of
from cxr_tasks.variants import QUICKSTART_BATCH_NORM_MOMENTUM, VARIANTS, Variant
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import require_record

N_CALIBRATION_IMAGES = 32
"""As many as one batch of the study, so that calibration needs no more memory than training."""

Model = Any


@dataclass(frozen=True)
class TrainingTask:
    """One variant with the images it trains on."""

    run: RunPaths  # whose home has weights and activations
    config: RunConfig  # how to train
    variant: Variant  # what to train
    dataset: Dataset
    ingested: IngestFacts  # what the run began with
    # the part of each image, in the data set's order: the run's own, or a fold's
    split: pd.DataFrame
    seed: int  # decides first weights, order, dropout and augmentation
    # train exactly so long and keep the last weights; None stops by patience and keeps the best
    n_epochs: int | None = None

    @property
    def train_rows(self) -> NDArray[np.int64]:
        """The rows of the image store that train."""
        return rows_of(self.split, "train")

    @property
    def weights_origin(self) -> str:
        """Where the backbone's first weights are from."""
        return self.ingested.weights.origin if self.variant.uses_backbone else "none"

    @property
    def context(self) -> str:
        """What the numbers depend on beside settings and first weights."""
        return f"{self.dataset.fingerprint} {self.config.threads} {self.ingested.weights.sha256}"

    @property
    def settings(self) -> TrainingSettings:
        """How this variant is trained: quickstart has epochs and learning rates of its own."""
        config, variant, n_epochs = self.config, self.variant, self.n_epochs
        return TrainingSettings(
            epochs=n_epochs or config.epochs or variant.quickstart_epochs,
            patience=n_epochs or config.patience,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate_of(variant.name),
            seed=self.seed,
            class_weight=self._class_weight() if config.class_weights else None,
            keep_best=n_epochs is None,
        )

    def labelled(self, part: str, values: NDArray[Any]) -> LabelledImages:
        """Return a part of the split; `values` has a row for each image of the data set."""
        rows = rows_of(self.split, part)
        return LabelledImages(values, rows, self.split["label"].to_numpy(dtype=np.float32)[rows])

    def build(self) -> Model:
        """Build the model as it is before the first epoch.

        Raises:
            ArtifactError: The backbone's weights are not those that ingestion recorded.
        """
        quick = self.config.profile == "quickstart"
        model = build_model(
            self.variant,
            seed=self.seed,
            backbone_weights=weights_of(self.run, self.ingested)
            if self.variant.uses_backbone
            else None,
            batch_norm_momentum=QUICKSTART_BATCH_NORM_MOMENTUM if quick else None,
        )
        if self.weights_origin == "random":
            step = -(-len(self.train_rows) // N_CALIBRATION_IMAGES)
            calibrate_batch_norm(model, self.dataset.images[self.train_rows[::step]])
        return model

    def _class_weight(self) -> dict[int, float]:
        """Weigh each class by n / (2 n_class), so that both count equally (King & Zeng 2001)."""
        labels = self.split["label"].to_numpy()[self.train_rows]
        return {label: len(labels) / (2 * int((labels == label).sum())) for label in (0, 1)}


def open_task(
    run: RunPaths, config: RunConfig, variant: str, *, fold: int = 0, n_epochs: int | None = None
) -> TrainingTask:
    """Open what a training of a finished split works on, every file checked against its record.

    Args:
        run: The run.
        config: Its configuration.
        variant: What to train.
        fold: Which round of the folds, from 1; 0 for the run's own split.
        n_epochs: As in `TrainingTask`.

    Raises:
        ArtifactError: Ingestion or split is not finished.
    """
    ingested = require_record(run.ingest, IngestRecord)
    require_record(run.split, SplitRecord)
    return TrainingTask(
        run,
        config,
        VARIANTS[variant],
        open_dataset(run.home, ingested.dataset),
        ingested,
        read_fold(run.split, fold) if fold else read_split(run.split),
        fold_seed(config.seed, fold) if fold else config.seed,
        n_epochs,
    )


def fold_seed(seed: int, number: int) -> int:
    """Derive a fold's seed from the run's, in [0, 2**31)."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) >> 1


@dataclass(frozen=True)
class Trainable:
    """What training works on: the layers that change, and their input."""

    model: Model  # shares its layers with the whole network
    network: Model  # the same for training only, by the fastest kernels
    values: NDArray[Any]  # what goes into it, a row for each image of the data set
    precision: str  # what it computes in; the frozen layers' rest, which is cheap, in float32
    cut_after: str | None = None  # name of the last frozen layer that was left out, if any
    key: str = ""  # stands for `values` where they are activations
    n_computed: int = 0  # how many activations were computed now


def trainable_part(model: Model, task: TrainingTask, *, note: Callable[[str], None]) -> Trainable:
    """Leave out the frozen layers: their output is in the cache, or computed now."""
    cut = cut_frozen_prefix(model)
    if cut is None:
        precision = choose_precision(task.config.precision, has_gpu=has_gpu())
        return Trainable(model, with_fused_batch_norm(model), task.dataset.images, precision)
    activations = frozen_activations(
        cut.prefix,
        task.dataset.images,
        inputs={"images": task.dataset.images_digest},
        home=task.run.home,
        config_fingerprint=task.config.fingerprint,
        seed=task.config.seed,
        note=note,
    )
    return Trainable(
        cut.rest,
        with_fused_batch_norm(cut.rest),
        activations.values,
        FULL,
        cut_after=cut.layer,
        key=activations.key,
        n_computed=activations.n_computed,
    )
