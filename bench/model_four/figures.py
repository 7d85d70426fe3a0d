"""The page's figures, as files of their own that follow the reader's light or dark theme."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.model_four.choices import choose
from bench.model_four.study_run import STUDY_PATIENCE, VARIANT
from cxr_tasks.reporting.chart_style import (
    MUTED,
    STYLE,
    SURFACE,
    VARIANT_STYLES,
    inline_svg,
    line_style,
    new_figure,
    percent_axes,
)

_INK = VARIANT_STYLES[VARIANT]
STOPPED_AFTER = 52
"""Epochs, on the stand-in data with the study's patience (docs/results.md)."""

_LIMIT_AT = 575  # on the axis of epochs: behind the last of them
_DASHED, _DOTTED = (5.0, 1.8), (1.2, 1.4)

_THEMES = {
    "light": ("#17232b", "#5a6972", "#dde3e6", "#ffffff", _INK.light),
    "dark": ("#e3eaed", "#98a8b1", "#2c3940", "#182126", _INK.dark),
}
_VARIABLES = ("--text", "--muted", "--line", "--surface", f"--ink-{VARIANT}")


def draw_mixing(mixing: pd.DataFrame, path: Path) -> None:
    """Draw validation loss and accuracy while only running statistics move.

    Args:
        mixing: As `mixing.csv`: for each head a row for each epoch; the limit has no epoch.
        path: The SVG file to write.
    """
    by_head = [(int(str(key)), rows) for key, rows in mixing.groupby("head_epochs")]
    with mpl.rc_context(STYLE):
        figure, charts = _two_charts()
        for (head_epochs, rows), alpha in zip(by_head, _fading(len(by_head)), strict=True):
            for axes, column in zip(charts, ("val_loss", "val_accuracy"), strict=True):
                steps = rows[rows["epoch"].notna()]
                label = f"head of {head_epochs} epochs"
                axes.plot(
                    steps["epoch"],
                    steps[column],
                    color=_INK.light,
                    marker="o",
                    markersize=3.5,
                    markeredgecolor=SURFACE,
                    markeredgewidth=0.6,
                    alpha=alpha,
                    label=label,
                )
                limit = rows.loc[rows["epoch"].isna(), column]
                axes.plot(
                    [_LIMIT_AT] * len(limit), limit, _INK.marker, color=_INK.light, alpha=alpha
                )
        for axes in charts:
            axes.set_xticks([*range(0, 600, 100), _LIMIT_AT], [*range(0, 600, 100), "limit"])
            axes.axvline(STOPPED_AFTER, color=MUTED, linewidth=0.8, dashes=(1, 2))
        charts[0].annotate(
            f"epoch {STOPPED_AFTER}",
            (STOPPED_AFTER, 1),
            (4, -2),
            va="top",
            color=MUTED,
            size=8.5,
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
        )
        charts[0].set_ylim(0, 1.12 * mixing["val_loss"].max())  # room for the words
        figure.legend(
            *charts[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(by_head)
        )
        _write(figure, path, f"All weights fixed. {_in_words(*by_head[-1])}")


def draw_curves(curves: pd.DataFrame, path: Path) -> None:
    """Draw the long training under both kinds of statistics, and where patience 30 ends it.

    Args:
        curves: As a training's `history.csv`.
        path: The SVG file to write.
    """
    running, without_lag = choose(curves, patience=STUDY_PATIENCE)
    with mpl.rc_context(STYLE):
        figure, charts = _two_charts()
        for axes, quantity in zip(charts, ("loss", "accuracy"), strict=True):
            for column, name, dashes, width in (
                (quantity, "training", _DOTTED, 1.1),
                (f"val_{quantity}", "validation, running statistics", (), 1.7),
                (f"val_{quantity}_no_lag", "validation, statistics without lag", _DASHED, 1.7),
            ):
                axes.plot(
                    curves["epoch"],
                    curves[column],
                    color=_INK.light,
                    label=name,
                    linewidth=width,
                    linestyle=line_style(dashes),
                )
        _mark_stop(charts, running["stopped_after"])
        charts[0].set_ylim(bottom=0)
        figure.legend(
            *charts[0].get_legend_handles_labels(),
            loc="outside upper left",
            ncols=3,
            handlelength=2.6,
        )
        told = "; ".join(
            f"best epoch {row['best_epoch']} with validation accuracy {row['val_accuracy']:.3f}, "
            f"statistics {row['statistics']}"
            for row in (running, without_lag)
        )
        _write(figure, path, f"{len(curves)} epochs. With patience {STUDY_PATIENCE}: {told}.")


def _fading(n_lines: int) -> list[float]:
    """Return an alpha for each line, the last one's full."""
    return [0.35 + 0.65 * (i + 1) / n_lines for i in range(n_lines)]


def _in_words(head_epochs: int, rows: pd.DataFrame) -> str:
    losses = {
        "in the limit" if pd.isna(epoch) else f"at epoch {epoch:.0f}": loss
        for epoch, loss in zip(rows["epoch"], rows["val_loss"], strict=True)
    }
    told = ", ".join(f"{loss:.2f} {when}" for when, loss in losses.items())
    return f"Validation loss with a head of {head_epochs} epochs: {told}."


def _two_charts() -> tuple[Figure, tuple[Axes, Axes]]:
    figure, first = new_figure(8.2, 3.1)
    first.remove()
    loss, accuracy = figure.subplots(1, 2)
    for axes in (loss, accuracy):
        axes.set(facecolor="none", xlabel="epoch")
        axes.grid(visible=False, axis="x")
    loss.set_ylabel("loss (cross-entropy)")
    accuracy.set_ylabel("accuracy")
    percent_axes(accuracy.yaxis)
    return figure, (loss, accuracy)


def _mark_stop(charts: tuple[Axes, Axes], epoch: int | None) -> None:
    """Draw the epoch into both charts; the words only where no curve runs through them."""
    if epoch is None:
        return
    for axes in charts:
        axes.axvline(epoch, color=MUTED, linewidth=0.8, dashes=(1, 2))
    charts[0].annotate(
        f"patience {STUDY_PATIENCE} stops here",
        (epoch, 1),
        (4, -2),
        va="top",
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color=MUTED,
        size=8.5,
    )


def _write(figure: Figure, path: Path, description: str) -> None:
    """Write a figure of the report's style as a file: it brings the colours of both themes."""
    drawing = inline_svg(figure, path.stem, description=description)
    light, dark = (_declared(theme) for theme in ("light", "dark"))
    style = (
        f"svg {{ {light} color: var(--text); background: var(--surface); "
        "font-family: system-ui, sans-serif; } "
        f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}"
    )
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, rest = str(drawing).split(">", 1)
    head = head.replace("<svg", f"<svg {names}", 1)
    path.write_text(f"{head}><style>{style}</style>{rest}\n", encoding="utf-8")


def _declared(theme: str) -> str:
    return " ".join(
        f"{name}: {color};" for name, color in zip(_VARIABLES, _THEMES[theme], strict=True)
    )
