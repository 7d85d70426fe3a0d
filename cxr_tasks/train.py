"""One variant's training as a stage: from the split to a finished folder."""

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_tasks.activations import frozen_activations
from cxr_tasks.dataset import Dataset, open_dataset
from cxr_tasks.errors import TrainingError
from cxr_tasks.files import put_in_place, sha256_of, write_json, write_rows
from cxr_tasks.frozen_prefix import cut_frozen_prefix
from cxr_tasks.fused_batch_norm import with_fused_batch_norm
from cxr_tasks.keras_runtime import describe_device, start_keras
from cxr_tasks.models import (
    N_CALIBRATION_IMAGES,
    augment,
    build_model,
    calibrate_batch_norm,
    save_model,
)
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress
from cxr_tasks.records import Record, find_record, make_record, record_file, require_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.split import read_split, rows_of
from cxr_tasks.training import EpochResult, LabelledImages, TrainingResult, TrainingSettings, train
from cxr_tasks.variants import QUICKSTART_BATCH_NORM_MOMENTUM, VARIANTS, Variant
from cxr_tasks.weights import weights_of

FAIL_VARIANT = "CXR_TEST_FAIL_VARIANT"
"""Environment variable of the tests: the variant it names fails."""

HISTORY_COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
N_AUGMENTED_EXAMPLES = 6
Model = Any


def train_variant(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    progress: Progress,
    environ: Mapping[str, str] = os.environ,
) -> Record:
    """Train one variant of a run, unless that is done; go on where a try before stopped.

    The caller holds the stage's lock. While it runs, everything is in `<variant>.partial`.

    Returns:
        The record, as in `train.json`.

    Raises:
        ArtifactError: Ingestion or split is not finished.
        TrainingError: The loss is no number.
    """
    ingested, _ = require_record(run.ingest, "ingest"), require_record(run.split, "split")
    inputs = _input_digests(run)
    finished = find_record(run.train(variant), "train")
    if finished is not None and finished["inputs"] == inputs:
        return finished
    _fail_if_tested(variant, environ)
    dataset = open_dataset(run.home, ingested["dataset"])
    folder = run.training(variant)
    folder.mkdir(parents=True, exist_ok=True)
    facts = _train_into(folder, _Task(run, config, VARIANTS[variant], dataset, ingested), progress)
    record = make_record(
        folder, "train", inputs=inputs, config_fingerprint=config.fingerprint, seed=config.seed,
        seconds=facts["train_seconds"], facts=facts,
    )  # fmt: skip
    write_json(record_file(folder, "train"), record)
    put_in_place(folder, run.train(variant))
    return record


class _Task:
    """One variant with the images it trains on."""

    def __init__(
        self,
        run: RunPaths,
        config: RunConfig,
        variant: Variant,
        dataset: Dataset,
        ingested: Record,
    ) -> None:
        self.home = run.home
        self.config = config
        self.variant = variant
        self.dataset = dataset
        self.split = read_split(run.split)
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
        """How this variant is trained: quickstart has few epochs and its own learning rates."""
        variant, quick = self.variant, self.config.profile == "quickstart"
        return TrainingSettings(
            epochs=self.config.epochs,
            patience=self.config.patience,
            batch_size=self.config.batch_size,
            learning_rate=variant.quickstart_learning_rate if quick else variant.learning_rate,
            seed=self.config.seed,
            class_weight=self._class_weight() if self.config.class_weights else None,
        )

    def build(self) -> Model:
        """Build the model as it is before the first epoch."""
        quick = self.config.profile == "quickstart"
        model = build_model(
            self.variant,
            seed=self.config.seed,
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
class _Trainable:
    """What training works on: the layers that change, and what they are given.

    Attributes:
        model: Shares its layers with the whole network.
        values: What goes into it, a row for each image of the data set.
        facts: For the record.
        key: Stands for `values`.
    """

    model: Model
    values: npt.NDArray[Any]
    facts: dict[str, Any]
    key: str = ""


class _Teller:
    """Tells each epoch, and how long the rest takes at most."""

    def __init__(self, progress: Progress, n_epochs: int) -> None:
        self._progress = progress
        self._n_epochs = n_epochs

    def __call__(self, result: EpochResult) -> None:
        self._progress.epoch(
            result.epoch,
            n_epochs=self._n_epochs,
            seconds_left=result.seconds * (self._n_epochs - result.epoch),
            text=f"val_accuracy {result.val_accuracy:.3f}, val_loss {result.val_loss:.4f}",
        )


def _train_into(folder: Path, task: _Task, progress: Progress) -> dict[str, Any]:
    """Train, write everything but the record into the folder, and give the record's facts."""
    started = time.monotonic()
    start_keras(threads=task.config.threads, seed=task.config.seed)
    model = task.build()
    trainable = _trainable_part(model, task, progress)
    prepare_seconds = time.monotonic() - started
    checkpoint = folder / "checkpoint.npz"
    result = train(
        with_fused_batch_norm(trainable.model),
        task.labelled("train", trainable.values),
        task.labelled("val", trainable.values),
        task.settings,
        checkpoint=checkpoint,
        on_epoch=_Teller(progress, task.config.epochs),
        note=progress.note,
        context=f"{task.context} {trainable.key}",
    )
    save_model(model, folder / "model.keras")
    write_rows(folder / "history.csv", HISTORY_COLUMNS, map(asdict, result.history))
    if task.variant.augmented:
        _save_augmented_examples(task, folder / "augmented.npy")
    checkpoint.unlink(missing_ok=True)
    facts = _facts(task, model, result, folder)
    facts["prepare_seconds"] = round(prepare_seconds + result.prepare_seconds, 3)
    return facts | trainable.facts


def _trainable_part(model: Model, task: _Task, progress: Progress) -> _Trainable:
    """Leave out the frozen layers: what they give is in the cache, or put there now."""
    cut = cut_frozen_prefix(model)
    if cut is None:
        return _Trainable(model, task.dataset.images, {"cut_after": None})
    activations = frozen_activations(
        cut.prefix, task.dataset, home=task.home, config_fingerprint=task.config.fingerprint,
        seed=task.config.seed, note=progress.note,
    )  # fmt: skip
    facts = {"cut_after": cut.layer, "activations": activations.key,
             "n_activations_computed": activations.n_computed}  # fmt: skip
    return _Trainable(cut.rest, activations.values, facts, activations.key)


def _save_augmented_examples(task: _Task, path: Path) -> None:
    originals = task.dataset.images[task.train_rows[:N_AUGMENTED_EXAMPLES]]
    np.save(path, np.stack([originals, augment(originals, seed=task.config.seed)]))


def _facts(task: _Task, model: Model, result: TrainingResult, folder: Path) -> dict[str, Any]:
    settings = task.settings
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    weights = settings.class_weight
    return {
        "variant": task.variant.name,
        "n_parameters": int(model.count_params()),
        "n_trainable_parameters": trainable,
        "epochs_run": len(result.history),
        "best_epoch": result.best_epoch,
        "stopped_by": "patience" if result.stopped_early else "epochs",
        "max_epochs": settings.epochs,
        "patience": settings.patience,
        "train_seconds": round(result.train_seconds, 3),
        "seconds_per_epoch": round(result.train_seconds / len(result.history), 4),
        "resumed_from_epoch": result.resumed_after_epoch,
        "peak_memory_mb": _peak_memory_mb(),
        "device": describe_device(),
        "threads": task.config.threads,
        "learning_rate": settings.learning_rate,
        "batch_size": settings.batch_size,
        "class_weight": weights and {str(label): value for label, value in weights.items()},
        "n_train": len(task.train_rows),
        "n_val": len(rows_of(task.split, "val")),
        "model_bytes": (folder / "model.keras").stat().st_size,
        "weights_origin": task.weights_origin,
    }


def _input_digests(run: RunPaths) -> dict[str, str]:
    inputs = {
        "config": run.config,
        "ingest": record_file(run.ingest, "ingest"),
        "split": record_file(run.split, "split"),
    }
    return {name: sha256_of(path) for name, path in inputs.items()}


def _peak_memory_mb() -> int:
    """Give the most memory this process has had, in megabytes; Linux counts in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


def _fail_if_tested(variant: str, environ: Mapping[str, str]) -> None:
    if environ.get(FAIL_VARIANT) == variant:
        raise TrainingError(
            f"The training of {variant} was made to fail.",
            f"The environment variable {FAIL_VARIANT} names it.",
            f"Unset {FAIL_VARIANT}.",
        )
