"""Matplotlib figures as inline SVG that takes its colours and its type from the page.

Figures are drawn in stand-in colours, which are then replaced by the page's own variables: one
drawing serves light, dark and paper.
"""

import io
import re
from collections.abc import Mapping

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

TEXT, MUTED, GRID, SURFACE = "#010203", "#040506", "#070809", "#0a0b0c"
"""Colours to draw in; they become the page's text, muted text, lines and background."""

_OF_PAGE = {
    TEXT: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    SURFACE: "var(--surface)",
}


def inline_svg(figure: Figure, name: str, *, description: str, colors: Mapping[str, str]) -> Markup:
    """Write a figure as an inline `<svg>`; the same data give the same text.

    Args:
        figure: The figure, drawn with `svg.fonttype` `none`.
        name: Unique in the page; keeps the ids of two figures apart.
        description: Said in place of the picture to those who do not see it.
        colors: Further colours by the page's variable that replaces each.
    """
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    box = re.findall(r'viewBox="[^"]*"', text)[0]
    text = _colored(_cleaned(text), colors)
    head = f'<svg class="chart" {box} role="img" aria-label="{escape(description)}">'
    return Markup(head + text)  # noqa: S704 - Matplotlib has escaped what it was given


def _cleaned(text: str) -> str:
    """Leave out what belongs to a file of its own: head, style, metadata, fonts, common ids."""
    text = text[text.index(">", text.index("<svg")) + 1 :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    return re.sub(r"\n\s*", "\n", text).strip()


def _colored(text: str, colors: Mapping[str, str]) -> str:
    for color, of_page in {**_OF_PAGE, **{c: f"var({v})" for c, v in colors.items()}}.items():
        text = text.replace(color, of_page)
    return text
