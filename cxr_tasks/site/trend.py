"""The trend over runs as places in a drawing; the template draws it.

It looks as the report's charts do (`reporting.chart_style`), which says why Matplotlib does not
draw it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from cxr_tasks.site.run_facts import Measure, ReportFacts, RunFacts
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.variants import VARIANTS

MAX_RUNS = 30
_SPREAD = 0.36
"""How far apart the variants of one run stand, as a fraction of the room a run has."""
_MAX_SPREAD = 36.0
_N_DATES = 8
_N_LINES = 5


@dataclass(frozen=True)
class Frame:
    """The drawing's size, and the lines within which its points stand."""

    width: int = 1080
    height: int = 156
    left: int = 46
    right: int = 1064
    top: int = 26
    bottom: int = 128


FRAME = Frame()


@dataclass(frozen=True)
class Point:
    """One variant in one run."""

    run: RunFacts
    figure: Estimate
    stretch: int
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Stretch:
    """Neighbouring runs that were measured on the same data, and there on the same part."""

    report: ReportFacts
    number: int  # of the data and part; the same where they come again
    left: float
    right: float


@dataclass(frozen=True)
class Trend:
    """A drawing's parts, in its own units."""

    points: dict[str, list[Point]]
    # for each variant, every two points that a line joins
    lines: dict[str, list[tuple[Point, Point]]]
    stretches: list[Stretch]
    dates: list[tuple[float, RunFacts]]  # place and run of each date under the axis
    ticks: list[tuple[float, float]]  # place and value of each line across
    n_data: int  # on how many kinds of data and parts the runs were measured
    n_shown: int
    n_left_out: int


def trend_runs(runs: Sequence[RunFacts]) -> list[RunFacts]:
    """Return the runs that the trend shows, the newest first."""
    return [run for run in runs if run.report is not None][:MAX_RUNS]


def make_trend(runs: Sequence[RunFacts], measure: Measure) -> Trend | None:
    """Place the last runs with a report, the oldest left; None where fewer than two have one.

    Args:
        runs: The newest first.
        measure: Which figure of each variant.
    """
    reported = [(run, run.report) for run in runs if run.report is not None]
    shown = reported[:MAX_RUNS][::-1]
    figures = {
        name: [report.variants[name].figure(measure) for _, report in shown] for name in VARIANTS
    }
    lows = [
        figure.interval[0] if figure.interval else figure.value
        for each in figures.values()
        for figure in each
        if figure.value is not None
    ]
    if len(shown) < 2 or not lows:
        return None
    floor = max(0.0, min(0.9, math.floor(min(lows) * 10 - 0.2) / 10))
    room = (FRAME.right - FRAME.left) / len(shown)
    stretches = _stretches([report for _, report in shown], room)
    points = {
        name: _points([run for run, _ in shown], figures[name], rank, stretches, floor)
        for rank, name in enumerate(VARIANTS)
    }
    step = -(-len(shown) // _N_DATES)
    return Trend(
        points=points,
        lines={name: _lines(each) for name, each in points.items()},
        stretches=stretches,
        dates=[(_x(n + 0.5, room), shown[n][0]) for n in range(0, len(shown), step)],
        ticks=[(_y(tenth / 10, floor), tenth / 10) for tenth in _tenths(floor)],
        n_data=len({stretch.number for stretch in stretches}),
        n_shown=len(shown),
        n_left_out=len(reported) - len(shown),
    )


def _tenths(floor: float) -> list[int]:
    """Return where lines stand across, in tenths; every other one where there are many."""
    tenths = list(range(10, round(floor * 10) - 1, -1))
    return tenths[:: 1 if len(tenths) <= _N_LINES else 2]


def _x(place: float, room: float) -> float:
    return round(FRAME.left + place * room, 1)


def _y(value: float, floor: float) -> float:
    share = (value - floor) / (1 - floor)
    return round(FRAME.bottom - share * (FRAME.bottom - FRAME.top), 1)


def _stretches(reports: Sequence[ReportFacts], room: float) -> list[Stretch]:
    numbers: dict[tuple[str, str], int] = {}
    stretches, first = [], 0
    for measured_on, group in groupby(reports, key=lambda report: report.measured_on):
        same = list(group)
        number = numbers.setdefault(measured_on, len(numbers) + 1)
        left, right = _x(first, room), _x(first + len(same), room)
        stretches.append(Stretch(same[0], number, left, right))
        first += len(same)
    return stretches


def _points(
    runs: Sequence[RunFacts],
    figures: Sequence[Estimate],
    rank: int,
    stretches: Sequence[Stretch],
    floor: float,
) -> list[Point]:
    room = (FRAME.right - FRAME.left) / len(runs)
    aside = (rank / (len(VARIANTS) - 1) - 0.5) * min(_MAX_SPREAD, _SPREAD * room)
    points = []
    for place, (run, figure) in enumerate(zip(runs, figures, strict=True)):
        if figure.value is None:
            continue
        middle = FRAME.left + (place + 0.5) * room
        low, high = figure.interval or (figure.value, figure.value)
        stretch = sum(each.left < middle for each in stretches)
        y, low_y, high_y = (_y(value, floor) for value in (figure.value, low, high))
        points.append(Point(run, figure, stretch, round(middle + aside, 1), y, low_y, high_y))
    return points


def _lines(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Join what was measured on the same, and nothing across a change."""
    return [pair for pair in pairwise(points) if pair[0].stretch == pair[1].stretch]
