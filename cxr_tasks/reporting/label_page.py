"""`labels.html`: the images whose labels look wrong, and how a person decides about each."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxr_tasks.data.label_decisions import DECISIONS, NAME_TO_FILL_IN
from cxr_tasks.evaluation.label_suspects_record import LabelSuspectFacts
from cxr_tasks.reporting.artifacts import Artifacts, RankedLabels
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.radiographs import Picture, picture_of, rows_with_places
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.reporting.run_summary import about_decisions
from cxr_tasks.wording import CLASS_NAMES, PART_NAMES, one_line, percent

MAX_PICTURES = 60
TOP_FRACTION = 0.1
"""Of the ranking: as far as `bench.label_errors` counts what it finds."""

CLEAN_SETS = (
    "Right labels look wrong too: in sets of 160 drawn images with every label right, a "
    "linear classifier of AUC 0.90 called 4 % of the labels suspect, one of AUC 0.80 12 %."
)
"""By `bench/label_errors.json`."""

_FILE = "label_decisions.csv"


@dataclass(frozen=True)
class LabelCard:
    """One image, why it is shown, and the commands that decide about it."""

    picture: Picture
    rank: str
    reasons: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class LabelSection:
    """Images that are shown for one kind of reason; not all of them may be."""

    title: str
    about: str
    n_images: int
    cards: tuple[LabelCard, ...]


def render_labels(artifacts: Artifacts, labels: RankedLabels, report: ReportFigures) -> str:
    """Fill the page; it shows at most `MAX_PICTURES` images, the file named on it has them all."""
    return (
        make_environment()
        .get_template("labels.html.j2")
        .render(
            report=report,
            found=labels.facts,
            decided=about_decisions(report),
            sections=_sections(artifacts, labels),
            clean_sets=CLEAN_SETS,
            max_pictures=MAX_PICTURES,
            file=artifacts.config.label_decisions or _FILE,
            table=f"runs/{artifacts.run.key}/evaluate/label_suspects.csv",
            part_names=PART_NAMES,
        )
    )


def in_shell(path: str) -> str:
    """Quote a path as a word for Bash; what cannot be seen stands there as an escape."""
    if path.isprintable():
        return shlex.quote(path)
    marks = {"\\": "\\\\", "'": "\\'"}
    escaped = (marks.get(c, c) if c.isprintable() else f"\\U{ord(c):08x}" for c in path)
    return f"$'{''.join(escaped)}'"


def commands(artifacts: Artifacts, path: str) -> tuple[str, ...]:
    """Return the commands that decide about an image, one for each decision."""
    file, by = shlex.quote(artifacts.config.label_decisions or _FILE), shlex.quote(NAME_TO_FILL_IN)
    begins, word = f"python -m cxr_tasks label --run {artifacts.run.key}", in_shell(path)
    if path.startswith("-"):  # no flag
        return tuple(f"{begins} --{each} --by {by} --file {file} -- {word}" for each in DECISIONS)
    return tuple(f"{begins} {word} --{each} --by {by} --file {file}" for each in DECISIONS)


def _sections(artifacts: Artifacts, labels: RankedLabels) -> list[LabelSection]:
    """Divide the images by why they are shown, the gravest first, and draw as many as may be."""
    left, sections = MAX_PICTURES, []
    for title, about, table in _kinds(labels):
        shown = table.head(left)
        left -= len(shown)
        cards = tuple(_card(artifacts, labels.facts, row) for row in rows_with_places(shown))
        sections.append(LabelSection(title, about, len(table), cards))
    return [each for each in sections if each.n_images]


def _kinds(labels: RankedLabels) -> Iterator[tuple[str, str, pd.DataFrame]]:
    ordered = labels.table.sort_values("rank", kind="stable")
    open_, suspect = ordered["decision"] == "", ordered["suspect"] == 1
    copies = suspect & (ordered["copy"] != "")
    of_patients = open_ & ~suspect & (ordered["by_patient"] == 1)
    in_top = ordered["rank"] <= TOP_FRACTION * labels.facts.n_ranked
    yield ("Copies with both labels", "At least one label of each pair is wrong.", ordered[copies])
    yield (
        "The models are confident in the other class",
        "Those first that the models believe least.",
        ordered[suspect & ~copies],
    )
    yield (
        "Patients with both labels",
        "Both may be right, as of different days.",
        ordered[of_patients],
    )
    yield (
        "The rest of the least believed tenth",
        "Not called suspect.",
        ordered[open_ & ~suspect & ~of_patients & in_top],
    )
    yield ("Decided", "Somebody has decided about these, so they are no suspects.", ordered[~open_])


def _card(artifacts: Artifacts, facts: LabelSuspectFacts, row: Mapping[str, Any]) -> LabelCard:
    is_ranked = bool(pd.notna(row["rank"]))
    probability = percent(row["probability"]) if is_ranked else "not ranked"
    labelled = f"labelled {CLASS_NAMES[row['label']]}"
    picture = picture_of(
        artifacts,
        row,
        alt=f"{labelled}, probability of COVID-19 {probability}",
        title=labelled,
        detail=f"probability of COVID-19 {probability}",
    )
    return LabelCard(
        picture,
        rank=f"{row['rank']:.0f} of {facts.n_ranked}" if is_ranked else "",
        reasons=tuple(_reasons(row)),
        commands=commands(artifacts, row["path"]),
    )


def _reasons(row: Mapping[str, Any]) -> Iterator[str]:
    if row["copy"]:
        yield f"its copy {one_line(row['copy'], 60)} has the other label"
    if row["by_model"] and row["copy"]:  # else the section's title says so
        yield "the models are confident in the other class"
    if row["by_patient"]:
        yield "its patient has images of both labels"
    if row["decision"]:
        decided = {"keep": "kept", "flip": "changed"}[row["decision"]]
        yield f"{decided} by {one_line(row['by'], 60)}, {one_line(row['when'], 40)}"
