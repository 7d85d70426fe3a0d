"""The model card and the checklist of a run: prose in templates, filled from its report.

The card follows Mitchell et al. 2019, doi 10.1145/3287560.3287596. The checklist's items are those
of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al., doi
10.1148/ryai.240300), in words of our own.
"""

import re
from dataclasses import dataclass

from cxr_tasks.data.sources.left_out import left_out_in_words
from cxr_tasks.reporting.environment import BLANKS, make_environment
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import PART_NAMES

STATUS_NAMES = {
    "answered": "answered by the run",
    "person": "needs a person",
    "not available": "not available",
}
_ITEM = re.compile(rf"(.+?) \[({'|'.join(STATUS_NAMES)})\] (.+)")


@dataclass(frozen=True)
class CardSection:
    """A heading with its lines; `literal` ones are file names and commands, shown as they are."""

    title: str
    lines: list[str]
    literal: bool


@dataclass(frozen=True)
class Item:
    """One item of the checklist, with what the run says to it."""

    number: int
    section: str
    title: str
    status: str
    answer: str


def model_card(report: ReportFigures) -> list[CardSection]:
    """Describe the recommended variant: its use, its data, its figures and its limits.

    Without a recommended variant there is no model to describe: what is known of the run stays.

    Args:
        report: As `report_facts` returns them.
    """
    sections = _filled("model_card_lines.j2", report)
    return [
        CardSection(title, lines, literal=title == "Provenance")
        for title, lines in sections.items()
    ]


def checklist(report: ReportFigures) -> list[Item]:
    """Answer every item of the checklist.

    `answered` is said only where the run's answer is enough; where it knows a part, the item
    needs a person and says both.

    Args:
        report: As `report_facts` returns them.
    """
    items = [
        (section, _parts(text))
        for section, texts in _filled("checklist_items.j2", report).items()
        for text in texts
    ]
    return [Item(number, section, *parts) for number, (section, parts) in enumerate(items, start=1)]


def _filled(template: str, report: ReportFigures) -> dict[str, list[str]]:
    """Fill a template of `## ` headings and `- ` items; a text may run over several lines.

    Text from outside comes through `one_line`, so it begins no heading and no item.
    """
    text = (
        make_environment()
        .get_template(template)
        .render(
            report=report,
            chosen=report.chosen,
            shown=report.shown,
            trained=report.trained,
            left_out=left_out_in_words(report.data.n_left_out_by_reason),
            origins=ORIGINS,
            variants=VARIANTS,
            part_names=PART_NAMES,
        )
    )
    sections = (block.split("\n- ") for block in text.split("\n## ")[1:])
    return {
        title.strip(): [BLANKS.sub(" ", item).strip() for item in items]
        for title, *items in sections
    }


def _parts(item: str) -> tuple[str, str, str]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(f"no status in {item!r}")
    title, status, answer = found.groups()
    return title, status, answer
