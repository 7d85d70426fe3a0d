"""What controls see without a network."""

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.audit.tables import (
    acquisition_tables,
    file_size_table,
    intensity_table,
    metadata_table,
    outside_table,
)

SIDE = 224


def test_metadata_are_ranks_and_kinds() -> None:
    n = 8
    index = pd.DataFrame(
        {
            "width": np.arange(n) + 300,
            "height": 300,
            "mode": "L",
            "bytes": np.arange(n) * 1000,
            "format": ["PNG"] * 4 + ["JPEG"] * 4,
            "jpeg_tables": [""] * 4 + ["ab"] * 4,
            "jpeg_quantization": [0.0] * 4 + [9.0] * 4,
            "depth": ["8"] * 4 + ["16"] * 4,
        }
    )
    table = metadata_table(index)
    assert "height" not in table  # the same for all
    assert not table.columns.str.contains("file size").any()  # the picture decides it
    assert table["width"].tolist() == pytest.approx(np.linspace(-1, 1, n))
    assert table["file format JPEG"].tolist() == [0.0] * 4 + [1.0] * 4
    assert table["bit depth 16"].tolist() == [0.0] * 4 + [1.0] * 4
    assert file_size_table(index)["file size"].tolist() == pytest.approx(np.linspace(-1, 1, n))


def test_fields_of_the_acquisition_are_asked_where_they_differ() -> None:
    n = 8
    index = pd.DataFrame(
        {
            "sex": ["F"] * 4 + ["M"] * 4,
            "age": ["9", "10", "11", "40", "41", "", "", ""],
            "view": "PA",  # the same for all
            "device": "",  # never given
            "follow_up": [str(number) for number in range(n)],
            "hospital": ["a"] * 4 + ["b"] * 2 + ["c"] * 2,  # two are too rare to learn from
        }
    )
    tables = acquisition_tables(index)
    assert list(tables) == ["sex", "age", "follow_up", "hospital"]
    assert tables["sex"]["sex M"].tolist() == [0.0] * 4 + [1.0] * 4
    # ordered as numbers, not as text
    assert tables["age"]["age"].tolist() == pytest.approx([-1, -0.5, 0, 0.5, 1, 0, 0, 0])
    assert tables["age"]["age not given"].tolist() == [0.0] * 5 + [1.0] * 3
    assert list(tables["hospital"]) == ["hospital a"]


def test_intensity_of_the_whole_image_is_measured() -> None:
    image = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    image[0, :22] = 255
    measured = intensity_table(image)
    assert measured["border at the top"].tolist() == [255.0, 0.0]
    assert measured["mean"][0] == pytest.approx(255 * 22 / SIDE)
    assert measured["thumbnail, row 1 column 1"][0] == pytest.approx(255 * 22 / 28, abs=0.5)


def test_intensity_outside_the_lungs_knows_nothing_of_the_inside() -> None:
    rng = np.random.default_rng(0)
    region = np.zeros((SIDE, SIDE), np.bool_)
    region[40:190, 30:200] = True
    first = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    second = first.copy()
    second[region] = 255 - second[region]
    framed = np.where(region[..., None], first, 0).astype(np.uint8)
    marked = first.copy()
    marked[:20, -20:] = 255
    table = outside_table([first, second, framed, marked], [region] * 4)
    assert table.iloc[0].tolist() == table.iloc[1].tolist()
    assert table["black outside the lungs"][2] == 1.0
    assert table["flat lines at the left"].tolist() == [0.0, 0.0, 30.0, 0.0]
    assert table["corner at the top right"][3] > table["corner at the top right"][0] + 40


def test_sharp_marks_outside_the_lungs_are_measured_where_they_are() -> None:
    plain = np.full((2, SIDE, SIDE, 3), 60, np.uint8)
    plain += np.random.default_rng(0).integers(0, 8, (2, SIDE, SIDE, 1), dtype=np.uint8)
    region = np.zeros((SIDE, SIDE), np.bool_)
    region[70:150, 70:150] = True
    marked = plain.copy()
    marked[1, 10:22, 12:15] = 240  # a stroke
    marked[1, 100:112, 100:103] = 240  # the same within the lungs, where no control looks
    table = outside_table(marked, [region, region])
    marks = table.filter(like="sharpest mark").iloc[1] - table.filter(like="sharpest mark").iloc[0]
    assert marks.idxmax() == "sharpest mark at the upper left"
    assert (marks.drop(marks.idxmax()).abs() < marks.max() / 4).all()
