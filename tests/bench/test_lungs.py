"""The lung segmenter's making, on a few pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.lungs import __main__ as command
from bench.lungs.lesson import SIZE_PX, draw_lesson
from bench.lungs.measuring import dice, phantom_with_mask
from bench.lungs.training import Lessons, Plan, draw_lessons, train_segmenter
from cxr_tasks.lungs.network import build_network
from cxr_tasks.training.keras_runtime import start_keras

SMALL = ["--images", "16", "--steps", "2", "--measured-images", "2"]


def test_lesson_is_the_same_for_its_numbers() -> None:
    first, again, other = (draw_lesson(3, seed=seed) for seed in (1, 1, 2))
    assert (first.pixels == again.pixels).all()
    assert (first.mask == again.mask).all()
    assert (first.pixels != other.pixels).any()


def test_lessons_are_the_same_from_any_number_of_workers() -> None:
    alone, together = (draw_lessons(3, seed=1, workers=n) for n in (1, 2))
    assert (alone.pixels == together.pixels).all()
    assert (alone.masks == together.masks).all()


def test_most_pictures_have_two_lungs_and_some_have_none() -> None:
    lessons = [draw_lesson(number, seed=1) for number in range(40)]
    lung = np.array([(lesson.mask > 127).mean() for lesson in lessons])
    assert 0 < (lung == 0).sum() < 10
    assert 0.15 < np.median(lung) < 0.5
    assert {lesson.pixels.shape for lesson in lessons} == {(SIZE_PX, SIZE_PX)}


def test_lungs_are_darker_than_what_is_around_them_where_they_are_healthy() -> None:
    lessons = [draw_lesson(number, seed=1) for number in range(40)]
    differences = [
        float(np.median(lesson.pixels[lesson.mask < 10])) - float(np.median(lesson.pixels[inside]))
        for lesson in lessons
        if (inside := lesson.mask > 200).any()
    ]
    assert np.mean(np.array(differences) > 0) > 0.7


def trained(lessons: Lessons) -> tuple[list[float], list[np.ndarray]]:
    losses: list[float] = []
    network = build_network(seed=1)
    plan = Plan(seed=1, n_images=len(lessons.pixels), n_steps=12, batch_size=8)
    train_segmenter(network, plan, lessons, on_step=lambda _, loss: losses.append(loss))
    return losses, network.get_weights()


def test_training_learns_and_repeats() -> None:
    start_keras(threads=2, seed=0)
    lessons = draw_lessons(16, seed=1, workers=1)
    losses, weights = trained(lessons)
    again, same_weights = trained(lessons)
    assert losses[-1] < 0.9 * losses[0]
    assert losses == again
    assert all((a == b).all() for a, b in zip(weights, same_weights, strict=True))


def test_dice_is_1_of_the_same_and_0_of_what_lies_apart() -> None:
    _, mask = phantom_with_mask(1, seed=1)
    other = np.zeros_like(mask)
    other[0] = True
    assert dice(np.stack([mask, mask]), np.stack([mask, other])).tolist() == [1.0, 0.0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_same_command_makes_the_same_file(tmp_path: Path) -> None:
    digests, none = [], {"CXR_SHARED_DATA": str(tmp_path)}
    for name in ("first", "again"):
        out, record = tmp_path / f"{name}.weights.h5", tmp_path / f"{name}.json"
        words = ["-m", "bench.lungs", *SMALL, "--out", str(out), "--record", str(record)]
        subprocess.run([sys.executable, *words], env={**os.environ, **none}, check=True)
        digests.append(json.loads(record.read_text())["sha256"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--images", "4"], "at least 16 images"),
        (["--steps", "0"], "at least 16 images and one step"),
        (["--seed", "-1"], "--seed is below 0"),
        (["--measured-images", "1"], "--measured-images is below 2"),
        (["--out", "weights.h5"], "is not named *.weights.h5"),
        (["--out", "/none/of/it/x.weights.h5"], "is no folder"),
    ],
)
def test_impossible_plan_is_refused(
    given: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(given)
    assert told in capsys.readouterr().err


def test_another_file_than_the_records_is_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, record = tmp_path / "other.weights.h5", tmp_path / "record.json"
    out.write_bytes(b"other")
    record.write_text('{"sha256": "of another file"}')
    with pytest.raises(SystemExit, match="2"):
        command.main(["--measure", "--out", str(out), "--record", str(record)])
    assert "is not the file that" in capsys.readouterr().err
