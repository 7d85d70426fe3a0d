"""How every chart of the report looks: line styles, type, axes."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from cxr_tasks.reporting.svg import GRID, MUTED, TEXT
from cxr_tasks.reporting.variant_colors import INKS

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
