"""The trend over runs as places in a drawing; the template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from cxr_tasks.site.listing import Measure
from cxr_tasks.site.run_facts import Figure, ReportFacts, RunFacts
from cxr_tasks.variants import VARIANTS

MAX_RUNS = 30
WIDTH, HEIGHT = 1080, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 34, 34
_SPREAD = 0.36
"""How far apart the variants of one run stand, as a fraction of the room a run has."""
_SPREAD_LIMIT = 36.0
_N_DATES = 8


@dataclass(frozen=True)
class Point:
    """One variant in one run."""

    run: RunFacts
    figure: Figure
    stretch: int
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Stretch:
    """Neighbouring runs that were measured on the same data, and there on the same part.

    Attributes:
        number: Of the data and part; the same where they come again.
    """

    report: ReportFacts
    number: int
    left: float
    right: float


@dataclass(frozen=True)
class Trend:
    """A drawing's parts, in its own units.

    Attributes:
        lines: For each variant, every two points that a line joins.
        dates: Place and run of each date under the axis.
        ticks: Place and value of each line across.
        n_data: On how many kinds of data and parts the runs were measured.
    """

    points: dict[str, tuple[Point, ...]]
    lines: dict[str, list[tuple[Point, Point]]]
    stretches: tuple[Stretch, ...]
    dates: tuple[tuple[float, RunFacts], ...]
    ticks: tuple[tuple[float, float], ...]
    n_data: int
    n_shown: int
    n_left_out: int


def make_trend(runs: Sequence[RunFacts], measure: Measure) -> Trend | None:
    """Place the last runs with a report, the oldest left; None where fewer than two have one.

    Args:
        runs: The newest first.
        measure: Which figure of each variant.
    """
    reported = [run for run in runs if run.report is not None]
    shown = reported[:MAX_RUNS][::-1]
    figures = [_figure(run, name, measure) for run in shown for name in VARIANTS]
    lows = [_low(figure) for figure in figures if figure is not None]
    if len(shown) < 2 or not lows:
        return None
    floor = max(0.0, min(0.9, math.floor(min(lows) * 10 - 0.2) / 10))
    room = (WIDTH - LEFT - RIGHT) / len(shown)
    stretches = tuple(_stretches(shown, room))
    points = {
        name: tuple(_points(shown, name, measure, stretches=stretches, floor=floor))
        for name in VARIANTS
    }
    return Trend(
        points=points,
        lines={name: _lines(each) for name, each in points.items()},
        stretches=stretches,
        dates=tuple(_dates(shown, room)),
        ticks=tuple((_y(tenth / 10, floor), tenth / 10) for tenth in range(round(floor * 10), 11)),
        n_data=len({stretch.number for stretch in stretches}),
        n_shown=len(shown),
        n_left_out=len(reported) - len(shown),
    )


def _figure(run: RunFacts, name: str, measure: Measure) -> Figure | None:
    figure: Figure = getattr(run.report.variants[name] if run.report else None, measure, Figure())
    return figure if figure.value is not None else None


def _low(figure: Figure) -> float:
    return figure.interval[0] if figure.interval else figure.value or 0.0


def _y(value: float, floor: float) -> float:
    share = (value - floor) / (1 - floor)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _points(
    shown: Sequence[RunFacts],
    name: str,
    measure: Measure,
    *,
    stretches: Sequence[Stretch],
    floor: float,
) -> list[Point]:
    room = (WIDTH - LEFT - RIGHT) / len(shown)
    rank = list(VARIANTS).index(name) / (len(VARIANTS) - 1) - 0.5
    points = []
    for place, run in enumerate(shown):
        figure = _figure(run, name, measure)
        if figure is None or figure.value is None:
            continue
        middle = LEFT + (place + 0.5) * room
        low, high = figure.interval or (figure.value, figure.value)
        points.append(
            Point(
                run=run,
                figure=figure,
                stretch=sum(each.left < middle for each in stretches),
                x=round(middle + rank * min(_SPREAD_LIMIT, _SPREAD * room), 1),
                y=_y(figure.value, floor),
                low=_y(low, floor),
                high=_y(high, floor),
            )
        )
    return points


def _lines(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Join what was measured on the same, and nothing across a change."""
    return [pair for pair in pairwise(points) if pair[0].stretch == pair[1].stretch]


def _stretches(shown: Sequence[RunFacts], room: float) -> list[Stretch]:
    numbers: dict[tuple[str, str], int] = {}
    stretches = []
    reports = enumerate(run.report for run in shown if run.report)
    for measured_on, group in groupby(reports, key=lambda item: item[1].measured_on):
        (first, report), *others = group
        last = first + len(others)
        number = numbers.setdefault(measured_on, len(numbers) + 1)
        left, right = (round(LEFT + place * room, 1) for place in (first, last + 1))
        stretches.append(Stretch(report, number, left, right))
    return stretches


def _dates(shown: Sequence[RunFacts], room: float) -> list[tuple[float, RunFacts]]:
    step = -(-len(shown) // _N_DATES)
    places = range(0, len(shown), step)
    return [(round(LEFT + (place + 0.5) * room, 1), shown[place]) for place in places]
