"""Every figure that a report shows can be traced to `report.json`."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.volume.files import read_json
from tests.drawing import Drawing
from tests.reporting.made_report import make

FIGURE = re.compile(
    r"(?<![\w.#/-])\d(?:[\u2009\u202f\u00a0]\d{3})*(?:\.\d+)?(?:\s?(?:%|pp))?(?![\w.-])"
)
OF_ONE_IMAGE = re.compile(r"([\d.]+\s%) COVID-19")
KNOWN = {float(IMAGE_SIZE_PX), 2024.0, 0.693}
"""What belongs to no run: the side of an image, the year of the checklist, a loss by guessing."""


@pytest.fixture(scope="module", params=[0, 3], ids=["one split", "folds"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawing = Drawing(n_images=140, n_folds=request.param, external=not request.param)
    return make(tmp_path_factory.mktemp("traced"), drawing).run.report


def page_of(folder: Path) -> str:
    return html.unescape((folder / "index.html").read_text(encoding="utf-8"))


def shown_figures(page: str) -> Iterator[str]:
    """Yield what a reader sees as a figure: with a decimal point, or of three digits and more."""
    body = page[page.index("<body") :]
    body = re.sub(r"<(style|script|svg|code)\b.*?</\1>", "|", body, flags=re.DOTALL)
    for found in FIGURE.finditer(re.sub(r"<[^>]+>", "|", body)):
        if "." in found[0] or len(re.findall(r"\d", found[0])) >= 3:
            yield found[0]


def kept_numbers(content: Any) -> Iterator[float]:
    """Yield every number of a report's record, also those within its sentences."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from kept_numbers(key)
            yield from kept_numbers(value)
    elif isinstance(content, list):
        for value in content:
            yield from kept_numbers(value)
    elif isinstance(content, str):
        yield from map(float, re.findall(r"\d+(?:\.\d+)?", content))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield abs(float(content))


def is_told(figure: str, kept: list[float]) -> bool:
    """Whether a figure is a kept number, its thousandth (kB) or a rate, or that of the rest."""
    digits = re.sub(r"[^\d.]", "", figure)
    value, tolerance = float(digits), 0.5 * 10 ** -len(digits.partition(".")[2]) + 1e-9
    return value in KNOWN or any(
        abs(each - value) <= tolerance
        for number in kept
        for each in (number, number / 1000, 100 * number, 100 * (1 - number))
    )


def test_every_figure_on_the_page_is_in_the_record(folder: Path) -> None:
    kept = list(kept_numbers(read_json(folder / "report.json")))
    shown = list(shown_figures(OF_ONE_IMAGE.sub("", page_of(folder))))
    assert len(shown) > 200
    assert [figure for figure in shown if not is_told(figure, kept)] == []


def test_every_probability_of_one_image_is_in_a_table_of_predictions(folder: Path) -> None:
    tables = folder.parent.glob("evaluate/*/predictions.csv")
    kept = [score for table in tables for score in pd.read_csv(table)["score"]]
    shown = OF_ONE_IMAGE.findall(page_of(folder))
    assert len(shown) > 10
    assert [figure for figure in shown if not is_told(figure, kept)] == []


def test_a_figure_that_the_record_lacks_is_noticed(folder: Path) -> None:
    kept = list(kept_numbers(read_json(folder / "report.json")))
    assert not is_told("0.12345", kept)
    [invented] = shown_figures("<body><p>AUC 0.12345 of 12 images, <code>0.777</code></p>")
    assert invented == "0.12345"


def test_only_a_control_above_chance_reaches_a_share_of_the_score(folder: Path) -> None:
    audit = read_json(folder / "report.json")["audit"]
    told = [
        name
        for name, each in audit["comparisons"][audit["variant"]].items()
        if each["reached_fraction"] and audit["controls"][name]["above_chance"]
    ]
    assert told
    assert page_of(folder).count("of the excess over 0.5") == len(told)
