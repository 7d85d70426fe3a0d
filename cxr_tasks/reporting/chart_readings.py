"""What a chart tells where a reader points: the attribute that `charts.js` reads.

`data-curves` is JSON: `x`, what the horizontal axis counts; `labels`, one for each distinct place
on it, from left to right; `curves`, each with its name, its colour in the page, and its points as
`[x, y, text]` in units of the SVG's view box.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_POINTS = 200
_POINTS_PER_INCH = 72  # of the view box


@dataclass(frozen=True)
class Curve:
    """Points of one line or of marks, with what each says; a point without a y is left out."""

    name: str
    color: str  # that it is drawn in
    xs: Sequence[float] | Any
    ys: Sequence[float] | Any
    texts: Sequence[str]


@dataclass(frozen=True)
class Readings:
    """All curves of a chart; `label` writes a place on the axis that `x` names."""

    x: str
    curves: Sequence[Curve]
    label: Callable[[float], str]


def as_attribute(figure: "Figure", readings: Readings, *, inks: Mapping[str, str]) -> str:
    """Write the readings of a figure that was drawn: only then its axes have their place.

    Args:
        figure: With one set of axes.
        readings: In the units of its data.
        inks: The page's colours, by those that a figure is drawn in.
    """
    import numpy as np  # the site's pages, which have no charts, do without

    labels: dict[float, str] = {}
    curves = []
    for curve in readings.curves:
        kept = _evenly(np.flatnonzero(np.isfinite(np.asarray(curve.ys, np.float64))))
        xs, ys = (np.asarray(values, np.float64)[kept] for values in (curve.xs, curve.ys))
        places = _places(figure, xs, ys)
        labels |= {at: readings.label(x) for (at, _), x in zip(places, xs, strict=True)}
        points = [
            [*place, curve.texts[each]] for place, each in zip(places, kept.tolist(), strict=True)
        ]
        curves.append({"name": curve.name, "ink": inks[curve.color], "points": points})
    told = {"x": readings.x, "labels": [labels[at] for at in sorted(labels)], "curves": curves}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _places(figure: "Figure", xs: Any, ys: Any) -> list[tuple[float, float]]:
    """Return points of the view box, whose y points down, to a tenth."""
    import numpy as np

    axes, scale = figure.axes[0], _POINTS_PER_INCH / figure.dpi
    height = figure.get_figheight() * _POINTS_PER_INCH
    placed = axes.transData.transform(np.column_stack([xs, ys])) * scale
    return [(round(float(x), 1), round(float(height - y), 1)) for x, y in placed]


def _evenly(places: Any) -> Any:
    """Choose at most `MAX_POINTS`, evenly, the first and the last among them."""
    import numpy as np

    n = min(len(places), MAX_POINTS)
    return places[np.linspace(0, len(places) - 1, n).round().astype(np.int64)]
