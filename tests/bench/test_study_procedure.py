"""The study's side of the comparison is the pipeline's function, built another way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.study_procedure import build_study_model, load_images
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.networks import build_model, calibrate_batch_norm
from cxr_tasks.variants import VARIANTS

N_IMAGES = 8
FIRST_AND_REST = [
    "vanilla_cnn",
    *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS if name != "vanilla_cnn"),
]


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def n_values(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def write_images(folder: Path) -> NDArray[np.uint8]:
    """Write images of the networks' own size, as Keras' loader does not resize those."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (N_IMAGES, 7, 7, 3), dtype=np.uint8)
    pixels = coarse.repeat(32, axis=1).repeat(32, axis=2)
    for number, image in enumerate(pixels):
        path = folder / ("COVID", "NORMAL")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return pixels


@pytest.mark.parametrize("name", FIRST_AND_REST)
def test_same_parameters_and_same_of_them_trained(name: str) -> None:
    study = build_study_model(VARIANTS[name], None)
    here = build_model(VARIANTS[name], seed=1, backbone_weights=None)
    assert study.count_params() == here.count_params()
    assert n_values(study.trainable_weights) == n_values(here.trainable_weights)
    assert float(study.optimizer.learning_rate) == pytest.approx(VARIANTS[name].learning_rate)


@pytest.mark.parametrize("name", FIRST_AND_REST)
def test_same_weights_give_the_same_probabilities_of_the_same_files(
    name: str, tmp_path: Path
) -> None:
    pixels = write_images(tmp_path)
    here = build_model(VARIANTS[name], seed=1, backbone_weights=None)
    calibrate_batch_norm(here, pixels)
    study = build_study_model(VARIANTS[name], None)
    study.set_weights(here.get_weights())
    parts = load_images(tmp_path, VARIANTS[name])
    ours = np.sort(here.predict(pixels, verbose=0).ravel())
    theirs = np.sort(np.concatenate([study.predict(part, verbose=0).ravel() for part in parts]))
    assert np.ptp(ours) > 1e-3
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
