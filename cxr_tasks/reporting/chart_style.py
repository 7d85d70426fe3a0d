"""How every chart of the report looks: inks, line styles, type, axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from cxr_tasks.reporting.svg import GRID, MUTED, TEXT


@dataclass(frozen=True)
class Ink:
    """How a variant looks everywhere: told apart by hue, and without hue by dash and marker."""

    light: str
    dark: str
    dashes: tuple[float, ...]
    marker: str


INKS: Mapping[str, Ink] = {
    "vanilla_cnn": Ink("#b84a00", "#ff9d5c", (), "o"),
    "mobilenetv2_frozen": Ink("#0067ab", "#62b6f2", (5.0, 1.6), "s"),
    "mobilenetv2_partial": Ink("#00795a", "#3ecf9f", (1.2, 1.3), "^"),
    "mobilenetv2_unfrozen": Ink("#a2447c", "#ee9fcb", (5.0, 1.5, 1.2, 1.5), "D"),
}
"""After Okabe and Ito's palette (jfly.uni-koeln.de/color), which the colour-blind can tell
apart, made darker or lighter until text in it can be read on the page."""

COLORS = {ink.light: f"--ink-{name}" for name, ink in INKS.items()}

STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "text.color": TEXT,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.width": 0.7,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.7,
}


def new_figure(width_inches: float, height_inches: float) -> tuple[Figure, Axes]:
    """Make a figure that is written as SVG, with one set of axes."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor="none")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot(facecolor="none")


def line_style(dashes: Sequence[float]) -> Any:
    """Give Matplotlib's line style for a pattern of dashes."""
    return (0, tuple(dashes)) if dashes else "-"


def percent_axes(*all_axes: Any) -> None:
    """Label axes of fractions in percent."""
    for axis in all_axes:
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
