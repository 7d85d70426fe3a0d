from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.evaluation.explanation_record import ExplanationFacts
from cxr_tasks.reporting.radiographs import attention_pictures, overlay
from tests.drawn_run import Drawing, draw_run, finish_report
from tests.made_facts import filled

GREY = np.full((224, 224, 3), 100, np.uint8)


def test_map_colours_its_place_and_leaves_the_rest_as_it_was() -> None:
    corner = np.zeros((7, 7))
    corner[0, 0] = 1
    shown = overlay(GREY, corner)
    assert (shown[64:, 64:] == GREY[64:, 64:]).all()
    assert np.ptp(shown[4, 4].astype(int)) > 30


def test_empty_map_leaves_the_image_as_it_is() -> None:
    assert (overlay(GREY, np.zeros((7, 7))) == GREY).all()


def test_strength_of_a_map_does_not_change_its_picture() -> None:
    spot = np.random.default_rng(0).uniform(0, 1, (7, 7))
    assert (overlay(GREY, spot) == overlay(GREY, 1024 * spot)).all()


def test_picture_says_right_or_wrong_and_where(tmp_path: Path) -> None:
    np.savez(tmp_path / "explanation.npz", maps=np.ones((2, 7, 7), np.float16))
    example = {"row": 0, "label": 1, "score": 0.2, "right": False, "outside_fraction": 0.25}
    empty = {"row": 1, "label": 0, "score": 0.2, "right": True, "outside_fraction": None}
    explanation = filled(ExplanationFacts, examples=[example, empty])
    first, second = attention_pictures(
        tmp_path, explanation, np.stack([GREY, GREY]), ["a/one.png", "b/2.png"]
    )
    assert first.title == "wrong"
    assert "is COVID-19, called normal; 25.0" in first.detail
    assert first.name == "one.png"
    assert second.title == "right"
    assert "no evidence" in second.detail
    assert second.alt.startswith("2.png: is normal")


@pytest.mark.parametrize("explained", [True, False])
def test_page_shows_maps_or_says_that_there_are_none(explained: bool, tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(explained=explained))
    finish_report(run, config)
    page = (run.report / "index.html").read_text()
    assert ("gives no gradients" in page) != explained
    assert ("attention spread evenly would give 51.0" in page) == explained
    assert ("The sanity check, layer by layer" in page) == explained
