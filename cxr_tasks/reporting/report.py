"""The report: one self-contained page, its figures as JSON, and a table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cxr_tasks.files import write_rows, write_text
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import duration
from cxr_tasks.records import Record
from cxr_tasks.reporting import wording
from cxr_tasks.reporting.chart_style import INKS
from cxr_tasks.reporting.checklist import STATUS_NAMES
from cxr_tasks.reporting.facts import report_facts
from cxr_tasks.reporting.material import Material, collect
from cxr_tasks.reporting.page import MAX_REJECTED, MAX_WRONG, Page, make_page
from cxr_tasks.reporting.paper_table import paper_table
from cxr_tasks.settings import SETTINGS, RunConfig
from cxr_tasks.variants import VARIANTS


def make_report(run: RunPaths, config: RunConfig, built: Path) -> Record:
    """Write `index.html`, `model_card.md` and `table.csv` into `built`.

    Returns:
        The content of `report.json`, which the stage's record is made of.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    material = collect(run, config)
    report = report_facts(material)
    page = make_page(material, report)
    write_text(built / "index.html", render(material, report, page))
    write_text(built / "model_card.md", render_card(report, page))
    columns, rows = paper_table(report)
    write_rows(built / "table.csv", columns, rows)
    return report


def render(material: Material, report: Mapping[str, Any], page: Page) -> str:
    """Fill the template; a name that it lacks is an error, and all text is escaped."""
    trained = {name: facts for name, facts in report["variants"].items() if facts["status"] == "ok"}
    return make_environment().get_template("report.html.j2").render(
        report=report,
        page=page,
        trained=trained,
        versions=material.comparison["versions"],
        inks=INKS,
        settings=SETTINGS,
        max_wrong=MAX_WRONG,
        max_rejected=MAX_REJECTED,
        part_names=wording.PART_NAMES,
        label_names=wording.LABEL_NAMES,
        status_names=STATUS_NAMES,
    )  # fmt: skip


def render_card(report: Mapping[str, Any], page: Page) -> str:
    """Fill the model card as Markdown, for whoever gets the model without the page."""
    chosen = report["variants"][report["recommendation"]["variant"]]
    return make_environment().get_template("model_card.md.j2").render(
        title=chosen["title"], run_key=report["run_key"], card=page.card
    )  # fmt: skip


def make_environment() -> Environment:
    """Prepare Jinja with the report's own ways to say numbers."""
    environment = Environment(
        loader=PackageLoader("cxr_tasks.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "counted": wording.counted,
        "spread": wording.spread,
        "decimal": wording.decimal,
        "p_value": wording.p_value,
        "p_compared": wording.p_compared,
        "whole": wording.whole,
        "decimals": wording.decimals,
        "points": wording.points,
        "points_spread": wording.points_spread,
        "signed": wording.signed,
        "groupby_in_order": groupby_in_order,
        "markdown": wording.markdown,
        "megabytes": wording.megabytes,
        "one_line": wording.one_line,
        "titled": titled,
        "proportions": wording.proportions,
        "duration": duration,
    }
    return environment


def groupby_in_order(items: Iterable[Any], attribute: str) -> list[tuple[str, list[Any]]]:
    """Group items as they come: Jinja's own `groupby` sorts."""
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(getattr(item, attribute), []).append(item)
    return list(groups.items())


def titled(text: str) -> str:
    """Put what a person calls the variants in place of their names, fit for a list."""
    for name, variant in VARIANTS.items():
        text = text.replace(name, variant.title.replace(",", ""))
    return text
