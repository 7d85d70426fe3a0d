import numpy as np
import pytest

from cxr_tasks.evaluation.explanation_record import SanityStep
from cxr_tasks.evaluation.grad_cam import GradCam
from cxr_tasks.evaluation.sanity_check import (
    MAX_STAGES,
    StepwiseMaps,
    check_sanity,
    compare,
    passes,
    rank_correlation,
    similarity,
    stages,
)
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.networks import build_model
from cxr_tasks.variants import VARIANTS

RAMP = np.outer(np.arange(7.0), np.ones(7))


def test_rank_correlation_of_known_maps() -> None:
    assert rank_correlation(RAMP, RAMP**2) == pytest.approx(1)
    assert rank_correlation(RAMP, -RAMP) == pytest.approx(-1)
    assert rank_correlation(RAMP, np.ones((7, 7))) == 0


def test_similarity_of_even_maps_is_that_of_the_paper() -> None:
    # No variance: (2ab + C1) / (a^2 + b^2 + C1), and every map is scaled to a maximum of 1.
    even, half = np.ones((7, 7)), np.zeros((7, 7))
    assert similarity(even, half) == pytest.approx(0.01**2 / (1 + 0.01**2))
    assert similarity(even, 5 * even) == pytest.approx(1)


def test_similarity_falls_with_structure_and_not_with_scale() -> None:
    assert similarity(RAMP, 3 * RAMP) == pytest.approx(1)
    assert similarity(RAMP, RAMP[::-1]) < 0.3
    assert similarity(RAMP, RAMP.T) == similarity(RAMP.T, RAMP) < 0.8


def test_empty_maps_are_not_compared_and_decide_nothing() -> None:
    before, after = np.stack([RAMP, RAMP, 0 * RAMP]), np.stack([RAMP, 0 * RAMP, RAMP])
    assert compare(before, after, layer="").n_compared == 1
    assert compare(before, after, layer="").rank_correlation == pytest.approx(1)
    nothing = compare(before, 0 * after, layer="")
    assert nothing == SanityStep(layer="", n_compared=0, rank_correlation=None, ssim=None)
    assert passes([nothing]) is None


def test_maps_that_stay_do_not_pass() -> None:
    stays = compare(RAMP[None], RAMP[None], layer="")
    goes = compare(RAMP[None], RAMP[None, ::-1], layer="")
    assert passes([stays]) is False
    assert passes([stays, goes]) is True


@pytest.mark.parametrize("variant", ["vanilla_cnn", "mobilenetv2_unfrozen"])
def test_stages_go_from_the_output_to_the_image_over_every_kernel(variant: str) -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS[variant], seed=3, backbone_weights=None)
    found = stages(model)
    assert [layer.name for layer in (*found[0], *found[1])] == ["covid", "dense"]
    assert found[-1][-1].name in ("conv1", "Conv1")
    assert len(found) <= MAX_STAGES
    with_kernels = [each for each in model.layers if any(len(w.shape) > 1 for w in each.weights)]
    assert sum(map(len, found)) == len(with_kernels)


def test_maps_change_as_weights_are_randomised_the_same_way_by_one_seed() -> None:
    start_keras(threads=2, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3), dtype=np.uint8)

    def steps_of(seed: int) -> list[SanityStep]:
        model = build_model(VARIANTS["vanilla_cnn"], seed=3, backbone_weights=None)
        cam = GradCam.of(model)
        return check_sanity(model, cam, images=images, signs=np.ones(6), seed=seed)

    steps = steps_of(0)
    names = ["covid", "dense", "conv4", "conv3", "conv2", "conv1"]
    assert [step.layer for step in steps] == names
    assert passes(steps)
    assert steps_of(0) == steps != steps_of(1)


def test_step_is_what_the_whole_network_gives_and_the_model_ends_as_it_was() -> None:
    start_keras(threads=2, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (10, 224, 224, 3), dtype=np.uint8)
    signs = np.where(np.arange(10) % 2, 1.0, -1.0)
    model = build_model(VARIANTS["vanilla_cnn"], seed=3, backbone_weights=None)
    cam = GradCam.of(model)
    before = model.get_weights()
    steps = stages(model)
    maps = StepwiseMaps(cam, steps, images, signs)
    assert np.array_equal(maps.trained, cam.maps(images, signs))
    for number, layers in enumerate(steps):
        for layer in layers:
            layer.set_weights([weight[..., ::-1] for weight in layer.get_weights()])
        assert np.array_equal(maps.at_step(number), cam.maps(images, signs))
    model.set_weights(before)
    check_sanity(model, cam, images=images, signs=signs, seed=0)
    assert all(map(np.array_equal, before, model.get_weights()))
