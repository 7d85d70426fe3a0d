"""A drawn run with its report, and the page as it is read."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

NAMES = list(VARIANTS)
VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Parsed(HTMLParser):
    """Tags with their attributes, the text, and whether every tag is closed in its place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@dataclass(frozen=True)
class Made:
    """A run with its report."""

    run: RunPaths
    config: RunConfig
    report: ReportRecord
    page: str
    parsed: Parsed


def make(root: Path, drawing: Drawing, **settings: Any) -> Made:
    run, config = draw_run(root, drawing, **settings)
    report = finish_report(run, config)
    page = (run.report / "index.html").read_text(encoding="utf-8")
    return Made(run, config, report, page, Parsed(page))


def notes_of(made: Made) -> str:
    """Give the text of the one box of notes."""
    box = re.findall(r'<section class="notes".*?</section>', made.page, re.DOTALL)
    assert len(box) == 1
    return " ".join(Parsed(box[0]).text.split())
