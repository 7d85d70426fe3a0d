"""One variant's training as a stage: from the split to a finished folder."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.split import rows_of
from cxr_tasks.errors import TrainingError
from cxr_tasks.files import put_in_place, sha256_of, write_json, write_rows
from cxr_tasks.memory import MemoryWatch
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress
from cxr_tasks.records import Record, find_record, make_record, record_file, require_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.fused_batch_norm import with_fused_batch_norm
from cxr_tasks.training.gpu_lease import leased_card, usable_cards
from cxr_tasks.training.keras_runtime import describe_device, start_keras
from cxr_tasks.training.loop import EpochResult, TrainingResult, train
from cxr_tasks.training.models import augment, save_model
from cxr_tasks.training.precision import computing_in
from cxr_tasks.training.task import TrainingTask, trainable_part
from cxr_tasks.variants import VARIANTS

FAIL_VARIANT = "CXR_TEST_FAIL_VARIANT"
"""Environment variable of the tests: the variant it names fails."""

HISTORY_COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
N_AUGMENTED_EXAMPLES = 6
Model = Any


def train_variant(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    *,
    progress: Progress,
    memory: MemoryWatch,
    environ: Mapping[str, str],
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
    task = TrainingTask(run, config, VARIANTS[variant], dataset, ingested)
    cards = usable_cards(environ)
    with leased_card(cards, home=run.home, environ=environ, note=progress.note) as card:
        facts = _train_into(folder, task, progress, card=card)
    facts["peak_anon_mb"] = memory.peak_anon_mb()
    record = make_record(
        folder, "train", inputs=inputs, config_fingerprint=config.fingerprint, seed=config.seed,
        seconds=facts["train_seconds"], facts=facts,
    )  # fmt: skip
    write_json(record_file(folder, "train"), record)
    put_in_place(folder, run.train(variant))
    return record


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


def _train_into(
    folder: Path, task: TrainingTask, progress: Progress, *, card: str | None
) -> dict[str, Any]:
    """Train, write everything but the record into the folder, and give the record's facts."""
    started = time.monotonic()
    start_keras(threads=task.config.threads, seed=task.config.seed, card=card)
    model = task.build()
    trainable = trainable_part(model, task, note=progress.note)
    network = with_fused_batch_norm(trainable.model)
    prepare_seconds = time.monotonic() - started
    checkpoint = folder / "checkpoint.npz"
    with computing_in(trainable.precision, network):
        result = train(
            network,
            task.labelled("train", trainable.values),
            task.labelled("val", trainable.values),
            task.settings,
            checkpoint=checkpoint,
            on_epoch=_Teller(progress, task.config.epochs),
            note=progress.note,
            context=f"{task.context} {trainable.precision} {trainable.key}",
        )
    save_model(model, folder / "model.keras")
    write_rows(folder / "history.csv", HISTORY_COLUMNS, map(asdict, result.history))
    if task.variant.augmented:
        _save_augmented_examples(task, folder / "augmented.npy")
    checkpoint.unlink(missing_ok=True)
    return _facts(task, model, result, folder) | {
        "prepare_seconds": round(prepare_seconds + result.prepare_seconds, 3),
        "precision": trainable.precision,
        "cut_after": trainable.cut_after,
        "activations": trainable.key,
        "n_activations_computed": trainable.n_computed,
    }


def _save_augmented_examples(task: TrainingTask, path: Path) -> None:
    originals = task.dataset.images[task.train_rows[:N_AUGMENTED_EXAMPLES]]
    np.save(path, np.stack([originals, augment(originals, seed=task.config.seed)]))


def _facts(
    task: TrainingTask, model: Model, result: TrainingResult, folder: Path
) -> dict[str, Any]:
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


def _fail_if_tested(variant: str, environ: Mapping[str, str]) -> None:
    if environ.get(FAIL_VARIANT) == variant:
        raise TrainingError(
            f"The training of {variant} was made to fail.",
            f"The environment variable {FAIL_VARIANT} names it.",
            f"Unset {FAIL_VARIANT}.",
        )
