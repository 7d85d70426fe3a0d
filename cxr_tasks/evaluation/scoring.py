"""Scores of images by a saved model."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.scored import FloatArray
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import load_model, predict_scores
from cxr_tasks.volume.progress import duration

Model = Any


def score_images(
    model_file: Path,
    images: NDArray[np.uint8],
    rows: NDArray[np.intp],
    *,
    config: RunConfig,
    note: Callable[[str], None],
    load: Callable[[Path], Model] = load_model,
) -> FloatArray:
    """Score some images of a store by a saved model.

    Args:
        model_file: A model that training has saved.
        images: uint8, shape (n_images, 224, 224, 3), memory-mapped or not.
        rows: Shape (n,); which of them.
        config: Decides threads and seed, as in training.
        note: Told how long it took.
        load: Loads the model; one that keeps what it has loaded saves a graph for each new set of
            images.

    Returns:
        The probability of COVID-19, shape (n,), in [0, 1].

    Raises:
        ArtifactError: The file is no model.
    """
    start_keras(threads=config.threads, seed=config.seed)
    model = load(model_file)
    started = time.monotonic()
    scores = predict_scores(model, images, rows)
    seconds = duration(time.monotonic() - started)
    note(f"{model_file.parent.name} scored {len(scores)} images in {seconds}")
    return scores
