import json

import h5py
import numpy as np
import pytest

from bench.backbone import __main__ as command
from bench.backbone.lesson import FINDINGS, ZONES, draw_lesson, mirrored
from bench.backbone.training import Phase, Plan, draw_lessons
from cxr_tasks.training.weights import N_PARAMETERS, OWN_WEIGHTS, check_backbone_file
from cxr_tasks.volume.files import sha256_of

MOST_BYTES = 5_000_000


def test_lesson_is_the_same_for_its_numbers() -> None:
    first, again, other = (draw_lesson(3, seed=seed) for seed in (1, 1, 2))
    assert (first.pixels == again.pixels).all()
    assert (first.findings == again.findings).all()
    assert (first.pixels != other.pixels).any()


def test_lessons_are_the_same_from_any_number_of_workers() -> None:
    plan = Plan(seed=1, n_images=3, phases=(Phase(64, 1),))
    alone, together = (draw_lessons(plan, workers=n) for n in (1, 2))
    assert all((a.pixels == b.pixels).all() for a, b in zip(alone, together, strict=True))


@pytest.mark.slow
def test_every_finding_is_drawn_in_every_zone() -> None:
    seen = np.stack([draw_lesson(n, seed=1).findings for n in range(150)])
    for zone in range(len(ZONES)):
        assert set(seen[:, zone]) == set(range(len(FINDINGS)))


def test_density_is_of_a_finding() -> None:
    lesson = draw_lesson(5, seed=1)
    assert ((lesson.densities > 0) == (lesson.findings > 0)).all()


def test_mirroring_exchanges_right_and_left() -> None:
    zones = np.arange(len(ZONES))
    for zone, other in enumerate(mirrored(zones)):
        assert ZONES[other] == complex(-ZONES[zone].real, ZONES[zone].imag)


def test_own_weights_are_those_of_the_record() -> None:
    record = json.loads(command.RECORD.read_text())
    assert record["file"] == OWN_WEIGHTS.name
    assert record["sha256"] == sha256_of(OWN_WEIGHTS)
    assert OWN_WEIGHTS.stat().st_size < MOST_BYTES
    assert check_backbone_file(OWN_WEIGHTS) == ".weights.h5"


def test_own_weights_are_finite_numbers() -> None:
    values = []
    with h5py.File(OWN_WEIGHTS) as file:
        file.visititems(
            lambda _, item: values.append(item[()]) if isinstance(item, h5py.Dataset) else None
        )
    assert sum(np.size(value) for value in values) == N_PARAMETERS
    assert all(np.isfinite(value).all() for value in values)


@pytest.mark.parametrize("wrong", [["--images", "4"], ["--seed", "-1"], ["--steps", "-2"]])
def test_impossible_plan_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(wrong)
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--probe-images", "1"], "--probe-images is below 24"),
        (["--out", "weights.h5"], "is not named *.weights.h5"),
        (["--out", "/none/of/it/x.weights.h5"], "is no folder"),
        (["--steps", "-1"], "--steps is below 0"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(
    given: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(given)
    assert told in capsys.readouterr().err
