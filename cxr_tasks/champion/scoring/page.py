"""The page of a batch: one self-contained file without a script."""

import os
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment

from cxr_tasks.champion.scoring.champion_facts import moved_probability
from cxr_tasks.champion.scoring.histogram import draw_histogram
from cxr_tasks.champion.scoring.row import Scored
from cxr_tasks.champion.scoring.tally import Tally
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.radiographs import Picture, data_uri
from cxr_tasks.volume.files import as_unicode
from cxr_tasks.wording import PART_NAMES, one_line, percent

_CAPTION_LENGTH = 34
_SURE = 0.0005


def render_page(facts: Mapping[str, Any], tally: Tally) -> str:
    """Fill the page of a batch.

    Args:
        facts: The content of score.json, as far as it is known when the page is made.
        tally: Which images and refused files to show.
    """
    common = _common_folder(row.path for row in tally.refused)
    return (
        _environment()
        .get_template("scores.html.j2")
        .render(
            facts=facts,
            champion=facts["champion"],
            histogram=draw_histogram(facts),
            highest=[_picture(row) for row in tally.highest],
            nearest=[_picture(row) for row in tally.nearest],
            refused=[(_below(row.path, common), row.reason) for row in tally.refused],
            common=as_unicode(common),
            moved=moved_probability(
                0.5,
                prevalence=facts["champion"]["prevalence"],
                to=facts["champion"]["example_prevalence"],
            ),
            part_names=PART_NAMES,
        )
    )


def _environment() -> Environment:
    """Prepare Jinja with the report's filters, styles and macros beside this package's page."""
    environment = make_environment("cxr_tasks.champion.scoring")
    environment.filters["probability"] = _probability
    return environment


def _picture(row: Scored) -> Picture:
    name = one_line(PurePosixPath(row.path).name, _CAPTION_LENGTH)
    told = f"{_probability(row.probability)}: {row.decision}"
    known = f", {row.known}" if row.known else ""
    return Picture(
        uri=data_uri(row.pixels),
        alt=f"Image {name}: probability of COVID-19 {told}{known}",
        title=told,
        detail=f"known: {row.known}" if row.known else "",
        name=name,
    )


def _probability(value: float) -> str:
    """Say a probability as percent; none is said to be certain."""
    if value < _SURE:
        return f"< {percent(2 * _SURE)}"
    return f"> {percent(1 - 2 * _SURE)}" if value > 1 - _SURE else percent(value)


def _below(path: str, folder: str) -> str:
    """Show a path below a folder without it."""
    return as_unicode(path.removeprefix(f"{folder}/"))


def _common_folder(paths: Iterable[str]) -> str:
    """Give the folder that all files are in, so that the page need not repeat it."""
    folders = {os.path.dirname(path) for path in paths}  # noqa: PTH120
    return os.path.commonpath(folders) if folders else ""
