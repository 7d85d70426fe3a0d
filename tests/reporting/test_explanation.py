import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cxr_tasks.evaluation.explanation_record import ExplanationFacts
from cxr_tasks.reporting.attention import (
    MAP_SIDE_PX,
    MAX_RIGHT,
    MAX_WRONG,
    examples_of,
    map_uri,
    read_maps,
    scale_css,
)
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import filled


def pixels(uri: str) -> npt.NDArray[np.uint8]:
    image = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
    return np.asarray(image.convert("RGBA"))


def test_map_colours_its_place_and_leaves_the_rest_as_it_was() -> None:
    corner = np.zeros((7, 7))
    corner[0, 0] = 1
    shown = pixels(map_uri(corner))
    assert shown.shape == (MAP_SIDE_PX, MAP_SIDE_PX, 4)
    assert not shown[4:, 4:, 3].any()
    assert 140 < shown[0, 0, 3] < 160  # the image stays visible


def test_empty_map_leaves_the_image_as_it_is() -> None:
    assert map_uri(np.zeros((7, 7))) == ""


def test_strength_of_a_map_does_not_change_its_picture() -> None:
    spot = np.random.default_rng(0).uniform(0, 1, (7, 7))
    assert map_uri(spot) == map_uri(1024 * spot)


def test_map_of_the_larger_grid_takes_few_bytes() -> None:
    assert len(map_uri(np.random.default_rng(0).uniform(0, 1, (14, 14)))) < 600


def test_scale_ends_in_the_colour_of_the_maximum() -> None:
    r, g, b, a = pixels(map_uri(np.ones((7, 7))))[0, 0].tolist()
    assert scale_css().endswith(f"rgb({r} {g} {b} / {a / 255:.2f}))")


def test_map_says_what_was_called_and_where_the_attention_lies(tmp_path: Path) -> None:
    np.savez(tmp_path / "explanation.npz", maps=np.ones((2, 7, 7), np.float16))
    example = {"row": 5, "label": 1, "score": 0.2, "right": False, "outside_fraction": 0.25}
    empty = {"row": 1, "label": 0, "score": 0.6, "right": True, "outside_fraction": None}
    explanation = filled(ExplanationFacts, examples=[example, empty])
    maps = read_maps(tmp_path, explanation)
    assert list(maps) == [5, 1]
    assert maps[5].call == "normal"
    assert maps[5].where.startswith("25.0")
    assert maps[1].call == "COVID-19"
    assert maps[1].where == "no evidence"


def test_section_shows_the_surest_mistakes_and_right_ones(tmp_path: Path) -> None:
    n = 60
    np.savez(tmp_path / "explanation.npz", maps=np.ones((n, 7, 7), np.float16))
    examples = [
        {"row": row, "label": 1, "score": 0.2, "right": row >= 48, "outside_fraction": None}
        for row in range(n)
    ]
    shown = examples_of(read_maps(tmp_path, filled(ExplanationFacts, examples=examples)))
    rows = [each.example.row for each in shown]
    assert rows == [*range(MAX_WRONG), *range(n - MAX_RIGHT, n)]


@pytest.mark.parametrize("explained", [True, False])
def test_page_shows_maps_or_says_that_there_are_none(explained: bool, tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(explained=explained))
    finish_report(run, config)
    page = (run.report / "index.html").read_text()
    assert ("gives no gradients" in page) != explained
    assert ("attention spread evenly would give 51.0" in page) == explained
    assert ("The sanity check, layer by layer" in page) == explained
    assert ('href="data:image/png' in page) == explained
    assert ("share of the map&#39;s maximum" in page or "share of the map's maximum" in page) == (
        explained
    )
