"""What a chart tells where a reader points lies where the chart draws it."""

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from cxr_tasks.reporting.chart_readings import MAX_POINTS, Curve, Readings
from cxr_tasks.reporting.chart_style import ACCENT, STYLE, inline_svg, new_figure
from tests.reporting.test_charts import cost, curve, roc

INK = "var(--ink-vanilla_cnn)"


def told_of(drawing: str) -> dict[str, Any]:
    root = ET.fromstring(drawing.replace("xlink:href", "href"))  # noqa: S314 - drawn here
    told: dict[str, Any] = json.loads(root.attrib["data-curves"])
    return told


def places_on(drawing: str, color: str) -> set[tuple[float, float]]:
    """Return where the paths of a colour have their points, to a tenth."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*stroke: {re.escape(color)}', drawing)
    pairs = re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", " ".join(paths))
    return {(round(float(x), 1), round(float(y), 1)) for x, y in pairs}


def test_points_lie_on_the_line_that_is_drawn() -> None:
    drawing = curve()
    drawn = places_on(drawing, INK)
    told = told_of(drawing)
    assert [each["name"] for each in told["curves"]] == ["training", "validation"]
    for each in told["curves"]:
        assert each["ink"] == INK
        assert len(each["points"]) == 4
        for x, y, _ in each["points"]:
            assert any(abs(x - a) < 0.11 and abs(y - b) < 0.11 for a, b in drawn)


def test_every_place_has_its_label_and_every_point_its_value() -> None:
    told = told_of(curve())
    assert (told["x"], told["labels"]) == ("epoch", ["1", "2", "3", "4"])
    texts = [text for *_, text in told["curves"][1]["points"]]
    assert texts == ["0.700", "0.600", "0.500", "0.550"]
    accuracy = told_of(curve(quantity="accuracy"))
    assert accuracy["curves"][0]["points"][0][2] == "50.0\N{NO-BREAK SPACE}%"


def test_roc_is_read_at_the_upper_end_of_a_rise_and_between_its_points() -> None:
    told = told_of(roc())
    assert told["labels"] == [f"{value}\N{NO-BREAK SPACE}%" for value in ("0.0", "10.0", "100.0")]
    texts = [text for *_, text in told["curves"][0]["points"]]
    assert texts == [f"{value}\N{NO-BREAK SPACE}% found" for value in ("0.0", "80.0", "100.0")]


def test_cost_tells_each_training_by_itself() -> None:
    told = told_of(cost())
    assert told["labels"] == ["2.0 s", "12.0 s", "40.0 s", "160.0 s"]
    assert [len(each["points"]) for each in told["curves"]] == [1, 1, 1, 1]


def reading(xs: Any, ys: Any, name: str = "a") -> dict[str, Any]:
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(3, 2)
        axes.plot(xs, ys)
        read = Readings("x", [Curve(name, ACCENT, xs, ys, [f"{y:g}" for y in ys])], "{:g}".format)
        return told_of(inline_svg(figure, "one", description="One.", readings=read))


def test_a_missing_value_has_no_point() -> None:
    told = reading([1, 2, 3], [0.1, np.nan, 0.3])
    assert [text for *_, text in told["curves"][0]["points"]] == ["0.1", "0.3"]
    assert told["labels"] == ["1", "3"]


def test_many_points_are_thinned_and_both_ends_stay() -> None:
    points = reading(np.arange(1000), np.arange(1000))["curves"][0]["points"]
    assert len(points) == MAX_POINTS
    assert (points[0][2], points[-1][2]) == ("0", "999")


@pytest.mark.parametrize("name", ["it's <b>&amp;", '"quoted"'])
def test_a_name_stays_text(name: str) -> None:
    assert reading([1], [1], name)["curves"][0]["name"] == name
