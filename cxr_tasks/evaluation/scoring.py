"""Scores of images by a saved model."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.evaluation.metrics import FloatArray
from cxr_tasks.progress import duration
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.models import load_model

_BATCH_SIZE = 64


def score_images(
    model_file: Path, dataset: Dataset, *, config: RunConfig, note: Callable[[str], None]
) -> FloatArray:
    """Score every image of a data set, batch by batch.

    Args:
        model_file: A model that training has saved.
        dataset: The images.
        config: Decides threads and seed, as in training.
        note: Told how long it took.

    Returns:
        The probability of COVID-19, shape (n_images,), in [0, 1].

    Raises:
        ArtifactError: The file is no model.
    """
    start_keras(threads=config.threads, seed=config.seed)
    model = load_model(model_file)
    started = time.monotonic()
    scores = np.empty(len(dataset.images), dtype=np.float64)
    for start in range(0, len(scores), _BATCH_SIZE):
        # The last batch overlaps the one before: a batch of another size is traced anew.
        first = max(0, min(start, len(scores) - _BATCH_SIZE))
        batch = np.asarray(dataset.images[first : first + _BATCH_SIZE])
        scores[first : first + len(batch)] = np.asarray(model.predict_on_batch(batch))[:, 0]
    seconds = duration(time.monotonic() - started)
    note(f"{model_file.parent.name} scored {len(scores)} images in {seconds}")
    return scores
