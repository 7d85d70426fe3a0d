"""The distribution of a batch's probabilities, by decision."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cxr_tasks.champion.scoring.row import NEGATIVE, POSITIVE
from cxr_tasks.champion.scoring.tally import N_BINS
from cxr_tasks.reporting.chart_style import (
    ACCENT,
    MUTED,
    STYLE,
    TEXT,
    inline_svg,
    new_figure,
    percent_axes,
)
from cxr_tasks.wording import percent


def draw_histogram(facts: Mapping[str, Any]) -> Markup:
    """Draw how many images have which probability, and where the cut-off lies.

    Args:
        facts: `n_by_probability`, and the champion's `cutoff_probability`.
    """
    counts, cutoff = facts["n_by_probability"], facts["champion"]["cutoff_probability"]
    left = [number / N_BINS for number in range(N_BINS)]
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(5.8, 2.6)
        bars = partial(axes.bar, left, width=0.9 / N_BINS, align="edge")
        bars(counts[NEGATIVE], color=MUTED, alpha=0.55, label=NEGATIVE)
        bars(counts[POSITIVE], bottom=counts[NEGATIVE], color=ACCENT, label=POSITIVE)
        _mark_cutoff(axes, cutoff)
        axes.set(xlim=(-0.01, 1.01), ylabel="images")
        axes.set_xlabel("calibrated probability of COVID-19")
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        percent_axes(axes.xaxis)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handlelength=1.2)
        return inline_svg(figure, "distribution", description=_in_words(facts))


def _mark_cutoff(axes: Axes, cutoff: float) -> None:
    axes.axvline(cutoff, color=TEXT, linewidth=0.9, dashes=(3, 2))
    # above the bars, on the side with more room
    side, gap = ("right", -4) if cutoff > 0.5 else ("left", 4)
    axes.annotate(
        "cut-off",
        (cutoff, 1),
        xycoords=("data", "axes fraction"),
        xytext=(gap, 3),
        textcoords="offset points",
        ha=side,
        annotation_clip=False,
    )


def _in_words(facts: Mapping[str, Any]) -> str:
    below, above = (
        sum(sum(counts[half]) for counts in facts["n_by_probability"].values())
        for half in (slice(N_BINS // 2), slice(N_BINS // 2, None))
    )
    return (
        f"Distribution of probabilities: {below} images below 50 %, {above} from 50 % on; "
        f"the cut-off is at {percent(facts['champion']['cutoff_probability'])}."
    )
