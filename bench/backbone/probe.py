"""What a backbone's features say of a question that it never saw: that of the phantom data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom


def probe(
    weights: Path | None, difficulty: Difficulty, *, n_images: int, seeds: Sequence[int]
) -> list[float]:
    """Measure the AUC of a linear classifier on the features, out of fold, a patient in one fold.

    Args:
        weights: A weights file; None for random ones, with the statistics of the images.
        difficulty: Of the phantoms.
        n_images: How many phantoms.
        seeds: One set of phantoms each; none is one that a backbone was trained on.
    """
    return [_auc(weights, difficulty, n_images, seed) for seed in seeds]


def _auc(weights: Path | None, difficulty: Difficulty, n_images: int, seed: int) -> float:
    plan = plan_phantom(n_images, seed=seed)
    files = [draw_phantom(image, seed=seed, difficulty=difficulty) for image in plan]
    pixels = np.stack([decode_image(file).pixels for file in files])
    labels = np.array([image.label for image in plan])
    groups = np.array([image.patient for image in plan])
    scores = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)),
        _features(weights, pixels, seed),
        labels,
        groups=groups,
        cv=StratifiedGroupKFold(5, shuffle=True, random_state=0),
        method="decision_function",
    )
    return float(roc_auc_score(labels, scores))


def _features(weights: Path | None, pixels: NDArray[np.uint8], seed: int) -> NDArray[np.float32]:
    """Give what the head of the frozen variant is given, shape (n, 1280)."""
    import keras

    from cxr_tasks.training.networks import build_model, calibrate_batch_norm
    from cxr_tasks.training.task import N_CALIBRATION_IMAGES
    from cxr_tasks.variants import VARIANTS

    model = build_model(VARIANTS["mobilenetv2_frozen"], seed=seed, backbone_weights=weights)
    if weights is None:
        chosen = np.linspace(0, len(pixels) - 1, min(len(pixels), N_CALIBRATION_IMAGES))
        calibrate_batch_norm(model, pixels[chosen.round().astype(np.intp)])
    features = keras.Model(model.inputs, model.get_layer("average").output)
    return np.asarray(features.predict(pixels, batch_size=32, verbose=0), np.float32)
