"""Labels beside points of a chart, none over another and none over a point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

_AWAY_PX = 9.0
_STEP_PX = 6.0
_N_STEPS = 40
_LEADER_PX = 14.0
_MAX_ORDERS = 120
_POINT_PX = 6.0
_LINE_PX = 2.0


@dataclass(frozen=True)
class LabelledPoint:
    """A point, the text beside it, and from where to where in y its interval reaches."""

    text: str
    color: str
    x: float
    y: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class _Place:
    """Where a label stands: on which side, how far up, and the box in pixels that it fills."""

    side: str
    dx: float
    dy: float
    box: Bbox


def place_labels(figure: Figure, axes: Axes, points: Sequence[LabelledPoint]) -> list[Bbox]:
    """Write each point's text at a free place near it.

    A label takes the nearest place that the labels before it have left; of all orders, the
    one whose labels stand closest to their points is drawn.

    Returns:
        Where the texts stand, in pixels of the figure, in the order of the points.
    """
    figure.draw_without_rendering()
    sizes = [_size(axes, point.text) for point in points]
    orders = islice(permutations(range(len(points))), _MAX_ORDERS)
    places = min(
        (_in_order(axes, points, sizes, order) for order in orders),
        key=lambda found: sum(abs(place.dy) for place in found),
    )
    for point, place in zip(points, places, strict=True):
        _write(axes, point, place)
    return [place.box for place in places]


def _size(axes: Axes, text: str) -> tuple[float, float]:
    label = axes.text(0, 0, text, weight="bold", transform=None)
    extent = label.get_window_extent()
    label.remove()
    return extent.width, extent.height


def _in_order(
    axes: Axes,
    points: Sequence[LabelledPoint],
    sizes: Sequence[tuple[float, float]],
    order: Sequence[int],
) -> list[_Place]:
    inside = axes.get_window_extent()
    taken = [box for point in points for box in _boxes(axes, point)]
    found: dict[int, _Place] = {}
    for i in order:
        x, y = axes.transData.transform((points[i].x, points[i].y))
        candidates = list(_candidates(x, y, *sizes[i]))
        free = (place for place in candidates if _is_free(place.box, taken, inside))
        found[i] = next(free, candidates[0])
        taken.append(found[i].box)
    return [found[i] for i in range(len(points))]


def _boxes(axes: Axes, point: LabelledPoint) -> list[Bbox]:
    """Give what a point and its interval cover."""
    to_px = axes.transData.transform
    x, y = to_px((point.x, point.y))
    low, high = (to_px((point.x, end))[1] for end in point.interval)
    return [
        Bbox([[x - _LINE_PX, low], [x + _LINE_PX, high]]),
        Bbox([[x - _POINT_PX, y - _POINT_PX], [x + _POINT_PX, y + _POINT_PX]]),
    ]


def _candidates(x: float, y: float, width: float, height: float) -> Iterator[_Place]:
    """Go from the nearest place outwards: to the right and left, ever further up and down."""
    for step in range(_N_STEPS):
        for dy in dict.fromkeys((step * _STEP_PX, -step * _STEP_PX)):
            for side, dx in (("left", _AWAY_PX), ("right", -_AWAY_PX)):
                start = x + dx - (width if side == "right" else 0)
                box = Bbox.from_bounds(start, y + dy - height / 2, width, height)
                yield _Place(side, dx, dy, box)


def _is_free(box: Bbox, taken: Sequence[Bbox], inside: Bbox) -> bool:
    across = box.x0 >= inside.x0 and box.x1 <= inside.x1
    within = across and box.y0 >= inside.y0 and box.y1 <= inside.y1
    return within and not any(box.overlaps(other) for other in taken)


def _write(axes: Axes, point: LabelledPoint, place: _Place) -> None:
    to_px, to_data = axes.transData.transform, axes.transData.inverted().transform
    x, y = to_px((point.x, point.y))
    anchor = to_data((x + place.dx, y + place.dy))
    axes.text(
        anchor[0],
        anchor[1],
        point.text,
        color=point.color,
        weight="bold",
        va="center",
        ha=place.side,
    )
    if abs(place.dy) > _LEADER_PX:
        line = zip((point.x, point.y), anchor, strict=True)
        axes.plot(*line, color=point.color, linewidth=0.7, alpha=0.7)
