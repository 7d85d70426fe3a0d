"""Versions of a drawn normal as the remedies' trials know them, and the page's tables."""

from pathlib import Path

import numpy as np

from bench.real.drawing import PLAIN, draw_versions
from bench.real.normals import Normal
from bench.remedies.__main__ import RESULTS
from bench.remedies.counting import as_tables
from bench.remedies.seen import WANTED
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.files import read_json

DOC = Path(__file__).parents[2] / "docs" / "remedies.md"


def test_each_version_is_in_the_row_of_its_name() -> None:
    start_keras(threads=2, seed=0)
    [image] = plan_phantom(2, seed=1)[:1]
    grey = decode_image(draw_phantom(image, seed=1, difficulty="easy")).pixels[..., 0]
    pixels, index = draw_versions((0, [Normal("1", "p", "", grey)]), WANTED, seed=0)
    assert len(pixels) == len(index) == len(WANTED.names)
    row = {name: int(WANTED.rows([0], [name])[0]) for name in WANTED.names}
    assert index["format"][row["format"]] == "JPEG"
    assert (index["format"].drop(row["format"]) == "PNG").all()
    assert index["width"][row["size"]] > index["width"][row[PLAIN]]
    assert (index["width"].drop(row["size"]) == index["width"][row[PLAIN]]).all()
    assert (pixels[row["border"]][:4] == 0).all()
    assert pixels[row["brightness"]].mean() > pixels[row["strong"]].mean() + 10
    assert np.abs(pixels[row[PLAIN]].astype(int) - grey).max() == 0


def test_the_page_has_the_tables_that_were_counted() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert [each for each in as_tables(read_json(RESULTS)).split("\n\n") if each not in text] == []
