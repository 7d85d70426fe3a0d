"""Where the parts of a line chart stand."""

import json
import math

import pytest

from cxr_tasks.site.line_chart import BOTTOM, LEFT, RIGHT, TOP, Curve, draw_lines, range_of


def drawn(*points: tuple[float, float], y_range: tuple[float, float] = (0.0, 1.0)) -> object:
    curve = Curve("validation", points, ink="red")
    return json.loads(
        draw_lines([curve], title="Loss", x_label="epoch", y_range=y_range).data_curves
    )


def test_first_and_last_stand_at_the_edges() -> None:
    assert drawn((1, 0.0), (4, 1.0)) == {
        "x": "epoch",
        "labels": ["1", "4"],
        "curves": [
            {
                "name": "validation",
                "ink": "red",
                "points": [[LEFT, BOTTOM, "0.000"], [RIGHT, TOP, "1.000"]],
            }
        ],
    }


@pytest.mark.parametrize("last", [1, 2, 5, 12, 57, 300, 500, 10_000])
def test_a_growing_curve_stays_inside_and_reaches_far(last: int) -> None:
    chart = draw_lines(
        [Curve("one", [(1, 0.5), (last, 0.5)], ink="red")],
        title="Loss",
        x_label="epoch",
        y_range=(0, 1),
    )
    x = json.loads(chart.data_curves)["curves"][0]["points"][-1][0]
    assert x <= RIGHT
    assert last < 4 or x > LEFT + (RIGHT - LEFT) / 2
    assert [text for _, text in chart.x_ticks] == sorted({t for _, t in chart.x_ticks}, key=float)
    assert 3 <= len(chart.x_ticks) <= 8


@pytest.mark.parametrize(
    "values", [[0.1], [0.2, 0.9], [0.0, 0.0], [3e-9, 1e-9], [5.0, 900.0], [-2.0, -1.0], []]
)
def test_a_range_holds_its_values_and_has_few_ticks(values: list[float]) -> None:
    low, high = range_of(values)
    assert low < high
    assert all(low <= value <= high for value in values)
    chart = draw_lines([], title="Loss", x_label="epoch", y_range=(low, high))
    assert 2 <= len(chart.y_ticks) <= 9
    assert all(TOP <= y <= BOTTOM for y, _ in chart.y_ticks)


def test_a_range_may_begin_at_a_fixed_value() -> None:
    low, high = range_of([0.31, 0.52], least=0.0)
    assert low == 0
    assert math.isclose(high, 0.6)


def test_a_single_point_is_a_dot_and_no_point_is_nothing() -> None:
    curves = [Curve("one", [(1, 0.5)], ink="red", dashes=(2, 2)), Curve("none", [], ink="red")]
    (line,) = draw_lines(curves, title="Loss", x_label="epoch", y_range=(0, 1)).lines
    assert line.is_dot


def test_a_curve_may_stay_out_of_the_tooltip() -> None:
    curves = [Curve("thin", [(1, 0.5), (2, 0.4)], ink="red", in_tooltip=False)]
    chart = draw_lines(curves, title="Loss", x_label="epoch", y_range=(0, 1))
    assert json.loads(chart.data_curves)["curves"] == []
    assert len(chart.lines) == 1


def test_there_is_one_label_for_each_place_that_a_pointer_can_find() -> None:
    curves = [Curve(f"fold {n}", [(1, 0.5), (9000 + n, 0.4)], ink="red") for n in range(3)]
    curves.append(Curve("fold 4", [(1, 0.5), (5000, 0.4)], ink="red"))
    told = json.loads(draw_lines(curves, title="Loss", x_label="epoch", y_range=(0, 1)).data_curves)
    places = sorted({x for curve in told["curves"] for x, *_ in curve["points"]})
    labels = dict(zip(places, told["labels"], strict=True))
    assert labels[told["curves"][3]["points"][1][0]] == "5000"
    assert list(labels.values())[-1] in ("9000", "9001", "9002")


def test_a_band_goes_along_the_upper_ends_and_back_along_the_lower() -> None:
    curve = Curve("mean", [(1, 0.5), (4, 0.5)], ink="red", band=[(0.0, 1.0), (0.0, 1.0)])
    (line,) = draw_lines([curve], title="Loss", x_label="epoch", y_range=(0, 1)).lines
    corners = [(LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM)]
    assert line.band == "M" + "L".join(f"{x} {y}" for x, y in corners) + "Z"


def test_the_last_epoch_stays_where_a_curve_is_thinned() -> None:
    points = [(float(n), 1 / n) for n in range(1, 1000)]
    curve = Curve("one", points, ink="red", band=[(y, y) for _, y in points]).thinned(240)
    assert len(curve.points) <= 241
    assert (curve.points[0], curve.points[-1]) == (points[0], points[-1])
    assert [low for low, _ in curve.band] == [y for _, y in curve.points]
