"""Where the parts of a line chart stand, for a template that draws it as SVG; knows no field.

Airflow's API server should not import Matplotlib (see `reporting.chart_style`).
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

WIDTH, HEIGHT = 480, 236
LEFT, RIGHT, TOP, BOTTOM = 44, 470, 14, 198
"""Edges of the plot in units of the view box; outside of them stand the labels."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_Place = Callable[[float, float], tuple[float, float]]
"""Where a point of the plot stands in the view box."""


@dataclass(frozen=True)
class Curve:
    """What is to be drawn as one line."""

    name: str
    points: Sequence[tuple[float, float]]  # by x
    ink: str  # a colour in CSS
    dashes: Sequence[float] = ()
    faint: bool = False  # drawn behind the others, for the whole picture
    in_tooltip: bool = True
    band: Sequence[tuple[float, float]] = ()  # lower and upper end around each point, if any

    def thinned(self, n: int) -> "Curve":
        """Return about `n` of its points, evenly, and the last: how long a training was stays."""
        every = -(-len(self.points) // n)
        if every <= 1:
            return self
        keep = sorted({*range(0, len(self.points), every), len(self.points) - 1})
        band = [self.band[at] for at in keep] if self.band else ()
        return replace(self, points=[self.points[at] for at in keep], band=band)


@dataclass(frozen=True)
class Line:
    """One line as it is drawn."""

    path: str  # of SVG
    band: str  # likewise; empty where it has none
    ink: str
    dashes: Sequence[float]
    faint: bool
    is_dot: bool  # a single point


@dataclass(frozen=True)
class LineChart:
    """A chart that is ready to be drawn."""

    title: str
    x_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]  # where, and the text
    y_ticks: tuple[tuple[float, str], ...]
    data_curves: str  # JSON for the script that shows values under the pointer
    description: str  # read out in place of the picture
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def draw_lines(
    curves: Sequence[Curve],
    *,
    title: str,
    x_label: str,
    y_range: tuple[float, float],
    text: Callable[[float], str] = "{:.3f}".format,
    tick_text: Callable[[float], str] = "{:g}".format,
    description: str = "",
) -> LineChart:
    """Place curves over whole numbers, such as epochs, from 1.

    Args:
        curves: What to draw; the last lies on top.
        title: What the y axis shows.
        x_label: What the x axis counts.
        y_range: Least and greatest y that is shown; values outside are cut to it.
        text: Writes a y value for the tooltip.
        tick_text: Writes a y value for the axis.
        description: As in `LineChart`.
    """
    last = max((x for curve in curves for x, _ in curve.points), default=1.0)
    x_end = _nice_end(last)
    low, high = y_range

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - 1) / max(x_end - 1, 1)
        up = (min(max(y, low), high) - low) / ((high - low) or 1.0)
        return round(LEFT + across * (RIGHT - LEFT), 1), round(BOTTOM - up * (BOTTOM - TOP), 1)

    return LineChart(
        title=title,
        x_label=x_label,
        lines=tuple(_line(each, place) for each in curves if each.points),
        x_ticks=tuple((place(x, low)[0], f"{x:g}") for x in _x_ticks(x_end)),
        y_ticks=tuple((place(1, y)[1], tick_text(y)) for y in _ticks(low, high)),
        data_curves=_data_curves(curves, x_label, place, text),
        description=description or title,
    )


def range_of(values: Iterable[float], *, least: float | None = None) -> tuple[float, float]:
    """Return round ends that hold all values; (0, 1) where there are none.

    Args:
        values: Finite numbers.
        least: The lower end, if it is fixed; lower values are cut.
    """
    found = list(values)
    if not found:
        return 0.0, 1.0
    low, high = min(found) if least is None else least, max(found)
    step = _step(max(high - low, 1e-9 + abs(high) * 0.05), n=4)
    bottom = low if least is not None else math.floor(low / step) * step
    return bottom, max(math.ceil(high / step) * step, bottom + step)


def _line(curve: Curve, place: _Place) -> Line:
    path = _path(place(x, y) for x, y in curve.points)
    if len(curve.points) == 1:
        return Line(f"{path}h.01", "", curve.ink, (), curve.faint, is_dot=True)
    band = _band(curve, place) if curve.band else ""
    return Line(path, band, curve.ink, curve.dashes, curve.faint, is_dot=False)


def _band(curve: Curve, place: _Place) -> str:
    """Go along the upper ends, and back along the lower ones."""
    ends = [(x, *each) for (x, _), each in zip(curve.points, curve.band, strict=True)]
    there = [place(x, high) for x, _, high in ends]
    return f"{_path([*there, *(place(x, low) for x, low, _ in reversed(ends))])}Z"


def _path(places: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)


def _nice_end(last: float) -> float:
    """Return a round number of epochs, so that a growing curve seldom moves the axis."""
    if last <= 4:
        return 4.0
    step = _step(last, n=2) / 2
    return math.ceil(last / step) * step


def _x_ticks(end: float) -> list[float]:
    step = max(1.0, _step(end, n=4))
    step = 2.0 if step == 2.5 else step  # there are whole epochs only
    n = int(end / step)
    return [1.0, *(step * number for number in range(1, n + 1) if step * number > 1)]


def _ticks(low: float, high: float) -> list[float]:
    step = _step(high - low, n=4)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _step(span: float, *, n: int) -> float:
    """Return a round step that divides a span into about `n` parts."""
    rough = max(span, 1e-9) / n
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * 0.999)


def _data_curves(
    curves: Sequence[Curve], x_label: str, place: _Place, text: Callable[[float], str]
) -> str:
    """Write what the script `charts.js` reads: places, texts, and what stands at each place.

    A label for each place, not for each x: of many epochs several share a place.
    """
    told = [curve for curve in curves if curve.in_tooltip and curve.points]
    labels = {place(x, y)[0]: f"{x:g}" for curve in told for x, y in curve.points}
    return json.dumps(
        {
            "x": x_label,
            "labels": [labels[at] for at in sorted(labels)],
            "curves": [
                {
                    "name": curve.name,
                    "ink": curve.ink,
                    "points": [[*place(x, y), text(y)] for x, y in curve.points],
                }
                for curve in told
            ],
        },
        separators=(",", ":"),
    )
