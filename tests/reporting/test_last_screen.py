"""The end of a run in a terminal: one screen, nothing broken at 80 columns, the next command."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.cli.main import make_parser
from cxr_tasks.reporting.last_screen import last_screen
from cxr_tasks.reporting.next_step import next_step
from cxr_tasks.variants import VARIANTS
from tests.drawn_run import Drawing, draw_run, finish_report

OWN_WEIGHTS = "pre-trained on this project's synthetic images"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    drawing = Drawing(n_images=140, weights_origin="phantom", stopped_by="epochs")
    return finish_report(*draw_run(tmp_path_factory.mktemp("phantom"), drawing))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("real")
    drawing = Drawing(n_images=100, n_folds=5, synthetic=False, weights_origin="file", spot=0)
    run = draw_run(root, drawing, profile="honest", source="folder", data=str(root))
    return finish_report(*run)


def screen(report: dict[str, Any], *, width: int = 80, with_make: bool = True) -> str:
    return last_screen(
        report,
        width=width,
        report_file="runs/x/report/index.html",
        with_make=with_make,
        also=["Images: 140 taken"],
    )


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("with_make", [True, False])
def test_it_is_one_screen_and_no_line_is_too_wide(
    width: int, with_make: bool, phantom: dict[str, Any]
) -> None:
    lines = screen(phantom, width=width, with_make=with_make).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 36


def test_it_says_done_verdict_comparison_recommendation_notes_report_next(
    phantom: dict[str, Any],
) -> None:
    told = flat(screen(phantom))
    marks = (
        "140 synthetic radiographs",
        "seed 42.",
        "Verdict:",
        "test AUC",
        "vanilla_cnn",
        "Recommended:",
        "Synthetic images:",
        OWN_WEIGHTS,
        "not a medical device",
        "Images: 140 taken",
        "Report: runs/x/report/index.html",
        "Next: with your own images",
        "make run PROFILE=honest SOURCE=folder DATA=/path/to/xrays",
    )
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)
    assert all(name in told for name in VARIANTS)
    assert phantom["recommendation"]["reason"] in told


def test_next_command_is_one_that_the_command_line_takes(phantom: dict[str, Any]) -> None:
    told = screen(phantom, with_make=False)
    command = next(line for line in told.splitlines() if "python -m cxr_tasks run" in line)
    options = vars(make_parser().parse_args(shlex.split(command)[3:]))
    assert (options["profile"], options["source"]) == ("honest", "folder")
    assert "--variants mobilenetv2_frozen" in told
    assert "VARIANTS=" not in told


def test_real_images_are_not_sent_to_the_first_steps(real: dict[str, Any]) -> None:
    assert "/path/to/xrays" not in screen(real)
    assert OWN_WEIGHTS not in screen(real)
    assert "Synthetic" not in screen(real)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "EXTERNAL_SOURCE=folder"),
        ({"external": {"n_images": 1}}, None),
        ({"recommendation": {"variant": None}}, "More images, or more patients"),
        ({"basis": "val"}, "models that have seen neither it nor its patient:"),
        ({"audit": {"verdict": "warning", "controls": {}}}, "Settle what the audit found"),
        (
            {
                "audit": {
                    "verdict": "shortcut",
                    "controls": {"metadata": {"role": "control", "above_chance": True}},
                }
            },
            "Do not rely on this score",
        ),
    ],
)
def test_next_step_is_what_the_verdict_asks_for(
    changes: dict[str, Any], told: str | None, real: dict[str, Any]
) -> None:
    clean = {"audit": {"verdict": "clean", "controls": {}}, "recommendation": {"variant": "x"}}
    step = next_step({**real, **clean, **changes})
    assert (step is None) == (told is None)
    if step is not None and told is not None:
        assert told in step.text


def test_scores_of_images_that_stopped_the_training_lead_to_folds_on_the_same_images(
    real: dict[str, Any], tmp_path: Path
) -> None:
    config = {**real["config"], "data": f"{tmp_path}/x rays", "follow_links": True}
    clean = {"audit": {"verdict": "clean", "controls": {}}, "basis": "val", "config": config}
    step = next_step({**real, **clean})
    assert step is not None
    options = vars(make_parser().parse_args(shlex.split(step.python)[3:]))
    assert (options["data"], options["follow_links"]) == (f"{tmp_path}/x rays", True)
    assert step.make == (
        f"make run PROFILE=honest SOURCE=folder DATA='{tmp_path}/x rays' FOLLOW_LINKS=1"
    )
