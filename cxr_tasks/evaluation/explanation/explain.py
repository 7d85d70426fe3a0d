"""One variant explained: a share of attention, a sanity check, and maps to look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.evaluation.explanation.attention import (
    OUTSIDE_AREA_FRACTION,
    mean_outside,
    outside_fractions,
)
from cxr_tasks.evaluation.explanation.grad_cam import GradCam, can_explain
from cxr_tasks.evaluation.explanation.sanity import check_sanity, passes
from cxr_tasks.statistics.metrics import predict
from cxr_tasks.training.model_file import load_model
from cxr_tasks.volume.files import write_json

MAX_IMAGES = 256
MAX_CHECKED = 32
N_RIGHT_OF_CLASS = 4
MAX_WRONG = 8
MAPS_FILE = "explanation.npz"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Model = Any


def explain_variant(
    model_file: Path,
    images: NDArray[np.uint8],
    rows: IntArray,
    labels: IntArray,
    scores: FloatArray,
    groups: IntArray,
    *,
    part: str,
    seed: int,
    built: Path,
    load: Callable[[Path], Model] = load_model,
) -> dict[str, Any] | None:
    """Explain a saved model on images that did not train it; write `explanation.npz` and `.json`.

    A map shows evidence for the class that the model predicts. `start_keras` comes first.

    Args:
        model_file: A model that training has saved.
        images: uint8, shape (n_stored, 224, 224, 3).
        rows: Shape (n,), n > 0; which of them. For the figures `MAX_IMAGES` are taken evenly.
        labels: Shape (n,); 1 is COVID-19.
        scores: Shape (n,); the model's probability of COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        part: What the images are to the model: `test` or `val`.
        seed: Decides resamples and random weights.
        built: The variant's folder to write into.
        load: Loads the model, which is left as it was.

    Returns:
        What the report tells; None where the backend gives no gradients.

    Raises:
        ArtifactError: The file is no model.
    """
    if not can_explain():
        return None
    model = load(model_file)
    cam = GradCam.of(model)
    signs = np.where(predict(scores) == 1, 1.0, -1.0)
    taken, shown = _evenly(len(rows), MAX_IMAGES), _examples(labels, scores)
    places = np.union1d(taken, shown)
    maps = cam.maps(_Chosen(images, rows[places]), signs[places])
    _write_maps(maps[np.searchsorted(places, shown)], built / MAPS_FILE)
    shares = np.full(len(rows), np.nan)
    shares[places] = outside_fractions(maps)
    checked = _evenly(len(rows), MAX_CHECKED)
    steps = check_sanity(
        model, cam, images=np.asarray(images[rows[checked]]), signs=signs[checked], seed=seed
    )
    facts = {
        "layer": cam.layer,
        "part": part,
        "n_images": len(taken),
        "n_without_evidence": int(np.isnan(shares[taken]).sum()),
        "outside_area_fraction": OUTSIDE_AREA_FRACTION,
        "outside_fraction": _by_class(shares[taken], labels[taken], groups[taken], seed=seed),
        "sanity": steps,
        "sanity_passes": passes(steps),
        "examples": [_example(rows[at], labels[at], scores[at], shares[at]) for at in shown],
    }
    write_json(built / "explanation.json", facts)
    return facts


class _Chosen:
    """Some rows of an image store, read batch by batch."""

    def __init__(self, images: NDArray[np.uint8], rows: IntArray) -> None:
        self._images = images
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, places: slice) -> NDArray[np.uint8]:
        return np.asarray(self._images[self._rows[places]])


def _evenly(n: int, n_most: int) -> IntArray:
    """Take at most `n_most` of `n` places, evenly; none of none."""
    return np.linspace(0, n - 1, min(n, n_most)).round().astype(np.int64)


def _write_maps(maps: FloatArray, path: Path) -> None:
    """Write maps in their own resolution, each with a maximum of 1; an empty one stays empty."""
    greatest = maps.max(axis=(1, 2), keepdims=True)
    scaled = np.divide(maps, greatest, out=np.zeros_like(maps), where=greatest > 0)
    np.savez_compressed(path, maps=scaled.astype(np.float16))


def _by_class(
    shares: FloatArray, labels: IntArray, groups: IntArray, *, seed: int
) -> dict[str, dict[str, float | list[float] | None]]:
    return {
        name: mean_outside(shares[labels == label], groups[labels == label], seed=seed)
        for name, label in (("covid", 1), ("normal", 0))
    }


def _examples(labels: IntArray, scores: FloatArray) -> IntArray:
    """Choose what is shown: wrong ones, the surest first, then right ones of each class."""
    right = predict(scores) == labels
    wrong = np.flatnonzero(~right)
    surest = wrong[np.argsort(-np.abs(scores[wrong] - 0.5), kind="stable")][:MAX_WRONG]
    of_class = [np.flatnonzero(right & (labels == label)) for label in (1, 0)]
    some = [places[_evenly(len(places), N_RIGHT_OF_CLASS)] for places in of_class]
    return np.concatenate([surest, *some])


def _example(row: Any, label: Any, score: Any, share: Any) -> dict[str, Any]:
    return {
        "row": int(row),
        "label": int(label),
        "score": float(score),
        "right": bool(predict(score) == label),
        "outside_fraction": float(share) if np.isfinite(share) else None,
    }
