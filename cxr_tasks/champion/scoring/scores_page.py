"""A scored batch for a reader: a self-contained page without a script, and the terminal's lines."""

import os
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from cxr_tasks.champion.scores_record import ScoresFacts
from cxr_tasks.champion.scoring.score_table import (
    N_BINS,
    NEGATIVE,
    POSITIVE,
    BatchSummary,
    ScoredImage,
)
from cxr_tasks.reporting.chart_style import (
    ACCENT,
    MUTED,
    STYLE,
    TEXT,
    inline_svg,
    new_figure,
    percent_axes,
)
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.radiographs import Picture, data_uri
from cxr_tasks.volume.files import as_unicode
from cxr_tasks.wording import PART_NAMES, WIDTH, decimal, one_line, percent

_CAPTION_LENGTH = 34
_SURE = 0.0005

_VERDICTS = {
    "shortcut": "Audit, shortcut: this champion's scores are no evidence of detecting disease.",
    "warning": "Audit, warning: part of this champion's scores may not be about disease.",
    "clean": "Audit, clean: no shortcut was found; others than those looked for may be there.",
}


def render_page(facts: ScoresFacts, summary: BatchSummary) -> str:
    """Fill the page of a batch.

    `facts` are those of score.json; `summary` has the images and refused files to show.
    """
    champion = facts.champion
    folders = {os.path.dirname(row.path) for row in summary.refused}  # noqa: PTH120
    common = os.path.commonpath(folders) if folders else ""  # so that it stands once
    environment = make_environment("cxr_tasks.champion.scoring", probability=_probability)
    return environment.get_template("scores.html.j2").render(
        facts=facts,
        champion=champion,
        histogram=_draw_histogram(facts),
        highest=[_picture(row) for row in summary.highest],
        nearest=[_picture(row) for row in summary.nearest],
        refused=[
            (as_unicode(row.path.removeprefix(f"{common}/")), row.reason) for row in summary.refused
        ],
        common=as_unicode(common),
        moved=moved_probability(
            0.5, prevalence=champion.prevalence, to=champion.example_prevalence
        ),
        part_names=PART_NAMES,
    )


def summary_lines(record: ScoresFacts, folder: Path) -> str:
    """Describe for the terminal what was scored, what was refused, and where the results are."""
    champion, retired = record.champion, record.champion.retired
    since = f"Retired on {retired.at}: {one_line(retired.reason, 300)}" if retired else ""
    rare = {
        "known": _with_reasons(record.n_known_by_kind),
        "left out": _with_reasons(record.n_left_out),
        "links": (record.n_ignored_links, "leading elsewhere, not followed"),
    }
    rows = {
        "images": (record.n_images, ""),
        "positive": (record.n_positive, f"score at least {decimal(champion.cutoff)}"),
        "negative": (record.n_negative, ""),
        "refused": _with_reasons(record.n_refused_by_reason),
        **{name: row for name, row in rare.items() if row[0]},
    }
    width = max(len(str(n)) for n, _ in rows.values())
    lines = [(f"  {name:<10}{n:>{width}}   ", text) for name, (n, text) in rows.items()]
    return "\n".join(
        [
            f"Scored by champion {champion.version} ({champion.title})",
            *(
                "\n".join(textwrap.wrap(head + text, WIDTH, subsequent_indent=" " * len(head)))
                for head, text in lines
            ),
            f"Table: {folder / 'scores.csv'}",
            f"Page:  {folder / 'index.html'}",
            *textwrap.wrap(since, WIDTH),
            *(["Trained on synthetic images."] if champion.synthetic else []),
            *textwrap.wrap(champion.start or "", WIDTH),
            _VERDICTS[champion.verdict],
            "Research software, not a medical device: nothing here decides about a patient.",
        ]
    )


def moved_probability(probability: float, *, prevalence: float, to: float) -> float:
    """Return what a probability becomes where another fraction of images is positive.

    By Bayes' rule, were the images of each class alike in both places.

    Args:
        probability: In (0, 1), calibrated where `prevalence` of the images are positive.
        prevalence: In (0, 1).
        to: The other fraction, in (0, 1).
    """
    odds = probability / (1 - probability)
    odds *= to / (1 - to) * (1 - prevalence) / prevalence
    return odds / (1 + odds)


def _with_reasons(by_reason: Mapping[str, int]) -> tuple[int, str]:
    """Add up counts by reason, and list them; of a single reason the count stands there already."""
    if len(by_reason) == 1:
        return sum(by_reason.values()), next(iter(by_reason))
    return sum(by_reason.values()), ", ".join(f"{n} {reason}" for reason, n in by_reason.items())


def _picture(row: ScoredImage) -> Picture:
    name = one_line(PurePosixPath(row.path).name, _CAPTION_LENGTH)
    title = f"{_probability(row.probability)}: {row.decision}"
    known = f", {row.known}" if row.known else ""
    return Picture(
        uri=data_uri(row.pixels),
        alt=f"Image {name}: probability of COVID-19 {title}{known}",
        title=title,
        detail=f"known: {row.known}" if row.known else "",
        name=name,
    )


def _probability(value: float) -> str:
    """Show a probability as percent; none is shown as certain."""
    if value < _SURE:
        return f"< {percent(2 * _SURE)}"
    return f"> {percent(1 - 2 * _SURE)}" if value > 1 - _SURE else percent(value)


def _draw_histogram(facts: ScoresFacts) -> Markup:
    """Draw how many images have which probability, and where the cut-off lies."""
    counts, cutoff = facts.n_by_probability, facts.champion.cutoff_probability
    left = [number / N_BINS for number in range(N_BINS)]
    below, above = (
        sum(sum(each[half]) for each in counts.values())
        for half in (slice(N_BINS // 2), slice(N_BINS // 2, None))
    )
    description = (
        f"Distribution of probabilities: {below} images below 50 %, {above} from 50 % on; "
        f"the cut-off is at {percent(cutoff)}."
    )
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(5.8, 2.6)
        bars = partial(axes.bar, left, width=0.9 / N_BINS, align="edge")
        bars(counts["negative"], color=MUTED, alpha=0.55, label=NEGATIVE)
        bars(counts["positive"], bottom=counts["negative"], color=ACCENT, label=POSITIVE)
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
        axes.set(xlim=(-0.01, 1.01), ylabel="images")
        axes.set_xlabel("calibrated probability of COVID-19")
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        percent_axes(axes.xaxis)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handlelength=1.2)
        return inline_svg(figure, "distribution", description=description)
