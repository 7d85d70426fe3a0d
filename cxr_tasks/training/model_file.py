"""A trained network as a `.keras` file, and the scores that it gives stored images."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import ArtifactError
from cxr_tasks.machine.memory import ran_out
from cxr_tasks.training.keras_runtime import first_line

BATCH_SIZE = 64
"""Images in one pass through a network; another number would be another trace."""

_FACTS, _CONFIG, _OBJECT_ID = "metadata.json", "config.json", "shared_object_id"

Model = Any


def save_model(model: Model, path: Path) -> None:
    """Save a trained model for prediction: without the optimiser, a third of the size.

    Equal models give equal bytes, so that a digest shows whether a training was repeated.
    """
    import keras

    keras.Model(model.inputs, model.outputs, name=model.name).save(path)
    make_reproducible(path)


def load_model(path: Path) -> Model:
    """Load a saved model for prediction; code that it might carry is refused.

    Raises:
        ArtifactError: The file is missing or no model.
    """
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as err:  # a damaged file makes Keras' readers raise almost anything
        if ran_out(err):
            raise
        raise ArtifactError(
            f"{path} cannot be loaded as a model: {first_line(err)}.",
            "It has to be a .keras file that this project's training wrote.",
            "Delete the folder it is in and train again.",
        ) from err


def predict_scores(
    model: Model, values: NDArray[Any], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Score some rows of a store.

    Fewer rows than a batch are filled up to one: a batch of another size is traced anew.

    Args:
        model: From `values` to probabilities (n, 1).
        values: Shape (n_stored, ...); images, or what frozen layers gave for them.
        rows: Shape (n,), n > 0; which of them.

    Returns:
        The probability of COVID-19, shape (n,), in [0, 1].
    """
    filled = np.resize(rows, max(len(rows), BATCH_SIZE))
    scores = np.empty(len(filled), dtype=np.float64)
    for start in range(0, len(filled), BATCH_SIZE):
        first = min(start, len(filled) - BATCH_SIZE)  # the last batch overlaps the one before
        batch = np.asarray(values[filled[first : first + BATCH_SIZE]])
        scores[first : first + BATCH_SIZE] = np.asarray(model.predict_on_batch(batch))[:, 0]
    return scores[: len(rows)]


def make_reproducible(path: Path) -> None:
    """Write a `.keras` archive anew: no dates, and objects numbered in the order they come.

    Keras writes the time into it, and names objects that layers share by their address in memory.
    """
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    facts = {"keras_version": json.loads(parts[_FACTS])["keras_version"]}
    parts[_FACTS] = json.dumps(facts).encode()
    parts[_CONFIG] = json.dumps(_renumbered(json.loads(parts[_CONFIG]), {})).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, where the format begins


def _renumbered(content: Any, numbers: dict[int, int]) -> Any:
    if isinstance(content, list):
        return [_renumbered(each, numbers) for each in content]
    if not isinstance(content, dict):
        return content
    return {
        key: numbers.setdefault(value, len(numbers) + 1)
        if key == _OBJECT_ID
        else _renumbered(value, numbers)
        for key, value in content.items()
    }
