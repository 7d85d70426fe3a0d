"""How charts look everywhere: colours, dashes and marks of the variants; figures as inline SVG.

Figures are drawn in stand-in colours, which are then replaced by the page's own variables: one
drawing serves light, dark and paper.

The site's trend over runs is drawn by its own template, with the same colours, dashes and marks:
Airflow's API server should not import Matplotlib, whose settings belong to the whole process and
not to a thread, and each mark of the trend is a link. So Matplotlib is imported here only where a
figure is made.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from cxr_tasks.reporting.chart_readings import Readings, as_attribute

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class VariantStyle:
    """How a variant is drawn: told apart by hue, and without hue by dashes and marker."""

    light: str
    dark: str
    dashes: tuple[float, ...]
    marker: str


VARIANT_STYLES: Mapping[str, VariantStyle] = {
    "vanilla_cnn": VariantStyle("#b84a00", "#ff9d5c", (), "o"),
    "mobilenetv2_frozen": VariantStyle("#0067ab", "#62b6f2", (5.0, 1.6), "s"),
    "mobilenetv2_partial": VariantStyle("#00795a", "#3ecf9f", (1.2, 1.3), "^"),
    "mobilenetv2_unfrozen": VariantStyle("#a2447c", "#ee9fcb", (5.0, 1.5, 1.2, 1.5), "D"),
}
"""After Okabe and Ito's palette (jfly.uni-koeln.de/color), which the colour-blind can tell
apart, made darker or lighter until text in it can be read on the page."""

TEXT, MUTED, GRID, SURFACE, ACCENT = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
"""Colours to draw in; they become the page's text, muted text, lines, background and accent."""

_OF_PAGE = {
    TEXT: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    SURFACE: "var(--surface)",
    ACCENT: "var(--accent)",
    **{style.light: f"var(--ink-{name})" for name, style in VARIANT_STYLES.items()},
}

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
MARK: Any = {"markeredgecolor": SURFACE, "markeredgewidth": 1.2}
"""Of every mark: a rim in the page's colour keeps it apart from what lies below it."""


def new_figure(width_inches: float, height_inches: float) -> "tuple[Figure, Axes]":
    """Make a figure that is written as SVG, with one set of axes."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor="none")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot(facecolor="none")


def line_style(dashes: Sequence[float]) -> Any:
    """Return Matplotlib's line style for a pattern of dashes."""
    return (0, tuple(dashes)) if dashes else "-"


def percent_axes(*all_axes: Any) -> None:
    """Label axes of fractions in percent."""
    from matplotlib.ticker import PercentFormatter

    for axis in all_axes:
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def inline_svg(
    figure: "Figure", name: str, *, description: str, readings: Readings | None = None
) -> Markup:
    """Write a figure as an inline `<svg>`; the same data give the same text.

    Args:
        figure: The figure, drawn under `STYLE`.
        name: Unique in the page; keeps the ids of two figures apart.
        description: Read out in place of the picture.
        readings: What it tells where a reader points.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    box = re.findall(r'viewBox="[^"]*"', text)[0]
    text = _without_head(text)
    for color, of_page in _OF_PAGE.items():
        text = text.replace(color, of_page)
    told = ""
    if readings is not None:
        # in single quotes: JSON is full of double ones, of which each would be five bytes
        written = str(escape(as_attribute(figure, readings, inks=_OF_PAGE)))
        told = f" data-curves='{written.replace('&#34;', chr(34))}'"
    head = f'<svg class="chart" {box} role="img" aria-label="{escape(description)}"{told}>'
    return Markup(head + text)  # noqa: S704 - Matplotlib has escaped what it was given


def _without_head(text: str) -> str:
    """Leave out what belongs to a file of its own: head, style, metadata, fonts, common ids."""
    text = text[text.index(">", text.index("<svg")) + 1 :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    return re.sub(r"\n\s*", "\n", text).strip()
