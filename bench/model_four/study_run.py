"""A run of the study's procedure for the unfrozen variant with more patience: images, ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_tasks.data.split import rows_of
from cxr_tasks.flow.process import run_stage
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.keras_runtime import describe_device, library_versions, start_keras
from cxr_tasks.training.task import TrainingTask, open_task
from cxr_tasks.volume.paths import Home

VARIANT = "mobilenetv2_unfrozen"
PATIENCE = 200
STUDY_PATIENCE = 30


@dataclass(frozen=True)
class StudyRun:
    """What to train on."""

    home: Home  # where the run lies; a training that was interrupted is gone on with there
    data: Path  # a zip file or folder laid out as the study's download
    weights: Path  # MobileNetV2's, pre-trained on ImageNet
    epochs: int  # maximum of epochs; another number needs another name
    name: str  # the run's


def open_study_run(wanted: StudyRun, *, report: Callable[[str], None]) -> TrainingTask:
    """Decode and split the images as the profile `paper` does, and start Keras.

    Raises:
        ConfigError: A file is missing, or the run was begun with other settings or by other code.
    """
    source = "folder" if wanted.data.is_dir() else "zip"
    config = make_config(
        {
            "profile": "paper",
            "source": source,
            "data": str(wanted.data),
            "variants": [VARIANT],
            "epochs": wanted.epochs,
            "patience": PATIENCE,
            "weights": str(wanted.weights),
            "threads": n_cores(),
        }
    )
    run = start_run(config, wanted.home, wanted.name, note=report)
    for stage in ("ingest", "split"):
        run_stage(stage, run, on_line=report)
    run, config = open_run(wanted.home, wanted.name)
    start_keras(threads=config.threads, seed=config.seed)
    return open_task(run, config, VARIANT)


def describe(task: TrainingTask, wanted: StudyRun) -> dict[str, Any]:
    """Describe what the figures are of; no path."""
    return {
        "images": wanted.data.name,
        "weights": wanted.weights.name,
        "n_train": len(task.train_rows),
        "n_val": len(rows_of(task.split, "val")),
        "seed": task.seed,
        "batch_size": task.settings.batch_size,
        "threads": task.config.threads,
        "device": describe_device(),
        "versions": library_versions(),
    }
