import numpy as np
import pytest

from cxr_tasks.evaluation.explanation import outside_fractions
from cxr_tasks.evaluation.grad_cam import BATCH_SIZE, GradCam
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.networks import build_model
from cxr_tasks.variants import VARIANTS
from tests.evaluation.networks import CENTRE, CORNER, MIDDLE, bright, spot_detector


@pytest.mark.parametrize(("field", "low", "high"), [(CORNER, 0.95, 1.0), (CENTRE, 0.0, 0.05)])
def test_attention_lies_where_the_evidence_is(field: int, low: float, high: float) -> None:
    maps = GradCam.of(spot_detector(field)).maps(bright(field), np.ones(4))
    shares = outside_fractions(maps, [MIDDLE] * len(maps))
    assert ((low <= shares) & (shares <= high)).all()


def test_place_that_the_head_ignores_is_no_evidence_however_bright() -> None:
    white = np.full((1, 224, 224, 3), 255, np.uint8)
    maps = GradCam.of(spot_detector(CORNER)).maps(white, np.ones(1))
    assert maps[0, :32, :32].sum() == pytest.approx(maps.sum())
    assert outside_fractions(maps, [MIDDLE] * len(maps)) == pytest.approx(1)


def test_evidence_for_one_class_is_none_for_the_other() -> None:
    cam = GradCam.of(spot_detector(CORNER))
    maps = cam.maps(bright(CORNER), np.array([1.0, 1.0, -1.0, -1.0]))
    assert (maps.sum(axis=(1, 2)) > 0).tolist() == [True, True, False, False]
    assert np.isnan(outside_fractions(maps, [MIDDLE] * len(maps))).tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_sure_model_still_has_evidence() -> None:
    model = spot_detector(CORNER)
    kernel, bias = model.get_layer("covid").get_weights()
    model.get_layer("covid").set_weights([kernel * 1000, bias])
    assert float(model.predict_on_batch(bright(CORNER))[0, 0]) == 1
    assert GradCam.of(model).maps(bright(CORNER), np.ones(4)).sum() > 0


def test_every_image_is_in_its_place_in_a_last_batch_that_is_not_full() -> None:
    images = np.zeros((BATCH_SIZE + 5, 224, 224, 3), np.uint8)
    images[:, :32, :32] = np.arange(len(images))[:, None, None, None]
    maps = GradCam.of(spot_detector(CORNER)).maps(images, np.ones(len(images)))
    mass = maps.sum(axis=(1, 2))
    assert mass == pytest.approx(mass[1] * np.arange(len(images)), rel=1e-5)


@pytest.mark.parametrize(
    ("variant", "layer", "side"),
    [("vanilla_cnn", "conv4_relu", 14), ("mobilenetv2_frozen", "out_relu", 7)],
)
def test_last_maps_before_pooling_are_found_from_the_graph(
    variant: str, layer: str, side: int
) -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS[variant], seed=1, backbone_weights=None)
    cam = GradCam.of(model)
    assert cam.layer == layer
    assert cam.maps_of.output.shape[1:3] == (side, side)


def test_evidence_adds_up_to_the_logit() -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS["mobilenetv2_frozen"], seed=1, backbone_weights=None)
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    cam = GradCam.of(model)
    for_covid, against = (cam.maps(images, sign * np.ones(2)) for sign in (1.0, -1.0))
    scores = np.asarray(model.predict_on_batch(images))[:, 0]
    logits = np.log(scores / (1 - scores))
    # Head biases are zero at the start, and ReLU is linear in what passes it.
    assert (for_covid - against).sum(axis=(1, 2)) == pytest.approx(logits, abs=1e-3)
