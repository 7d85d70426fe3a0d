from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.explanation.attention import OUTSIDE_AREA_FRACTION, mean_outside, outside_fractions
from cxr_tasks.explanation.explain import explain_variant
from cxr_tasks.explanation.grad_cam import GradCam
from cxr_tasks.explanation.sanity import check_sanity, rank_correlation, similarity
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.models import build_model, save_model
from cxr_tasks.variants import VARIANTS


def spot_detector(*, in_corner: bool) -> Any:
    """Give a network that is sure of COVID-19 where a corner, or else the centre, is bright."""
    start_keras(threads=2, seed=0)
    import keras

    image = keras.Input((224, 224, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 255)(image)
    maps = keras.layers.AveragePooling2D(32, name="blocks")(scaled)
    flat = keras.layers.Flatten()(maps)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="covid")(flat))
    kernel = np.zeros((7, 7, 3, 1), np.float32)
    rows, columns = ([0], [0]) if in_corner else ([3], [3])
    kernel[rows, columns] = 1
    model.get_layer("covid").set_weights([kernel.reshape(-1, 1), np.array([-0.5], np.float32)])
    return model


def bright(*, in_corner: bool) -> np.ndarray:
    images = np.zeros((4, 224, 224, 3), np.uint8)
    place = slice(0, 32) if in_corner else slice(96, 128)
    images[:, place, place] = 255
    return images


@pytest.mark.parametrize(("in_corner", "low", "high"), [(True, 0.9, 1.0), (False, 0.0, 0.05)])
def test_attention_lies_where_the_evidence_is(in_corner: bool, low: float, high: float) -> None:
    cam = GradCam.of(spot_detector(in_corner=in_corner))
    maps = cam.maps(bright(in_corner=in_corner), np.ones(4))
    assert cam.layer == "blocks"
    assert ((low <= outside_fractions(maps)) & (outside_fractions(maps) <= high)).all()


def test_evidence_for_one_class_is_none_for_the_other() -> None:
    cam = GradCam.of(spot_detector(in_corner=True))
    maps = cam.maps(bright(in_corner=True), np.array([1.0, 1.0, -1.0, -1.0]))
    assert (maps.sum(axis=(1, 2)) > 0).tolist() == [True, True, False, False]
    assert np.isnan(outside_fractions(maps)).tolist() == [False, False, True, True]


def test_even_attention_gives_the_share_of_the_area() -> None:
    shares = outside_fractions(np.ones((3, 7, 7)))
    assert shares == pytest.approx(OUTSIDE_AREA_FRACTION, abs=0.01)
    assert mean_outside(np.array([0.2, np.nan, 0.6]), np.arange(3), seed=0)["mean"] == 0.4
    assert mean_outside(np.array([np.nan]), np.arange(1), seed=0)["mean"] is None


def test_similarity_and_rank_correlation_of_known_maps() -> None:
    ramp = np.outer(np.arange(7.0), np.ones(7))
    assert rank_correlation(ramp, ramp**2) == pytest.approx(1)
    assert rank_correlation(ramp, -ramp) == pytest.approx(-1)
    assert rank_correlation(ramp, np.ones((7, 7))) == 0
    assert similarity(ramp, 3 * ramp) == pytest.approx(1)
    assert similarity(ramp, ramp[::-1]) < 0.3


def test_maps_change_as_weights_are_randomised() -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS["vanilla_cnn"], seed=3, backbone_weights=None)
    images = np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3), dtype=np.uint8)
    steps = check_sanity(model, images, np.ones(6), seed=0)
    assert steps[0]["layer"] == "covid"
    assert steps[-1]["layer"] == "conv1"
    assert len(steps) == 6
    assert steps[-1]["rank_correlation"] < 0.5


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_explained_from_its_saved_file(variant: str, tmp_path: Path) -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS[variant], seed=1, backbone_weights=None)
    save_model(model, tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    labels, scores = np.tile([0, 1], 4), np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.7, 0.4, 0.6])
    facts = explain_variant(
        tmp_path / "model.keras", images, np.arange(8), labels, scores, np.arange(8),
        part="test", seed=0, built=tmp_path,
    )  # fmt: skip
    assert facts is not None
    maps = np.load(tmp_path / "explanation.npz")["maps"]
    assert np.isfinite(maps).all()
    assert len(maps) == len(facts["examples"]) == 8
    assert [example["right"] for example in facts["examples"]] == [False] * 2 + [True] * 6
    assert abs(facts["examples"][0]["score"] - 0.5) >= abs(facts["examples"][1]["score"] - 0.5)
    assert (tmp_path / "model.keras").read_bytes() == before
