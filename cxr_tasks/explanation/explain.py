"""One variant explained: a share of attention, a sanity check, and maps to look at."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.evaluation.metrics import predict
from cxr_tasks.explanation.attention import OUTSIDE_AREA_FRACTION, mean_outside, outside_fractions
from cxr_tasks.explanation.grad_cam import GradCam, can_explain
from cxr_tasks.explanation.sanity import check_sanity, passes
from cxr_tasks.files import write_json
from cxr_tasks.training.models import load_model

MAX_IMAGES = 256
MAX_CHECKED = 16
N_RIGHT_OF_CLASS = 4
MAX_WRONG = 8
MAPS_FILE = "explanation.npz"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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
) -> dict[str, Any] | None:
    """Explain a saved model on images that did not train it; write `explanation.npz` and `.json`.

    A map shows evidence for the class that the model predicts. `start_keras` comes first.

    Args:
        model_file: A model that training has saved.
        images: uint8, shape (n_stored, 224, 224, 3).
        rows: Shape (n,), n > 0; which of them. Of many, `MAX_IMAGES` are taken evenly.
        labels: Shape (n,); 1 is COVID-19.
        scores: Shape (n,); the model's probability of COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        part: What the images are to the model: `test` or `val`.
        seed: Decides resamples and random weights.
        built: The variant's folder to write into.

    Returns:
        What the report tells; None where the backend gives no gradients.
    """
    if not can_explain():
        return None
    taken = _evenly(len(rows), MAX_IMAGES)
    rows, labels, scores, groups = rows[taken], labels[taken], scores[taken], groups[taken]
    model = load_model(model_file)
    signs = np.where(predict(scores) == 1, 1.0, -1.0)
    cam = GradCam.of(model)
    maps = cam.maps(_Chosen(images, rows), signs)
    shares = outside_fractions(maps)
    shown = _examples(labels, scores)
    np.savez_compressed(built / MAPS_FILE, maps=maps[shown].astype(np.float32))
    checked = _evenly(len(rows), MAX_CHECKED)
    steps = check_sanity(model, np.asarray(images[rows[checked]]), signs[checked], seed=seed)
    facts = {
        "layer": cam.layer,
        "part": part,
        "n_images": len(rows),
        "n_without_evidence": int(np.isnan(shares).sum()),
        "outside_area_fraction": OUTSIDE_AREA_FRACTION,
        "outside_fraction": {
            name: mean_outside(shares[labels == label], groups[labels == label], seed=seed)
            for name, label in (("covid", 1), ("normal", 0))
        },
        "sanity": steps,
        "sanity_passes": passes(steps),
        "examples": [
            {
                "row": int(rows[place]),
                "label": int(labels[place]),
                "score": float(scores[place]),
                "right": bool(predict(scores[place]) == labels[place]),
                "outside_fraction": _number(shares[place]),
            }
            for place in shown
        ],
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
    return np.unique(np.linspace(0, n - 1, min(n, n_most)).round().astype(np.int64))


def _examples(labels: IntArray, scores: FloatArray) -> IntArray:
    """Choose what is shown: wrong ones, the surest first, then right ones of each class."""
    right = predict(scores) == labels
    by_sureness = np.argsort(-np.abs(scores - 0.5), kind="stable")
    wrong = [place for place in by_sureness if not right[place]][:MAX_WRONG]
    rights = [
        np.flatnonzero(right & (labels == label))[_evenly_of(right & (labels == label))]
        for label in (1, 0)
    ]
    return np.concatenate([np.array(wrong, dtype=np.int64), *rights]).astype(np.int64)


def _evenly_of(chosen: NDArray[np.bool_]) -> IntArray:
    n = int(chosen.sum())
    return _evenly(n, N_RIGHT_OF_CLASS) if n else np.zeros(0, np.int64)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
