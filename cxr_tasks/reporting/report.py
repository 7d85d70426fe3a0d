"""The report: one self-contained page, its figures as JSON, and a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_tasks import wording
from cxr_tasks.data.sources.left_out import REMEDIES, told
from cxr_tasks.reporting.documents import STATUS_NAMES
from cxr_tasks.reporting.done import what_was_done
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.facts import report_facts
from cxr_tasks.reporting.material import Material, collect
from cxr_tasks.reporting.next_step import next_step
from cxr_tasks.reporting.notes import NOTICE, notes
from cxr_tasks.reporting.page import MAX_REJECTED, MAX_WRONG, Page, make_page
from cxr_tasks.reporting.paper_table import paper_table
from cxr_tasks.reporting.variant_colors import INKS
from cxr_tasks.settings import SETTINGS, RunConfig
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.volume.files import write_rows, write_text
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record
from cxr_tasks.wording import recommended, shown_variant


def make_report(run: RunPaths, config: RunConfig, built: Path) -> Record:
    """Write `index.html`, `model_card.md` and `table.csv` into `built`.

    Where no variant is recommended the card says that there is no model to hand on.

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
    shown = shown_variant(report["recommendation"])
    return (
        make_environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            page=page,
            trained=trained,
            shown=report["variants"][shown],
            shown_name=shown,
            done=what_was_done(report, named=True),
            next=next_step(report),
            notes=[*notes(report), NOTICE],
            versions=material.comparison["versions"],
            inks=INKS,
            settings=SETTINGS,
            max_wrong=MAX_WRONG,
            max_rejected=MAX_REJECTED,
            remedies=REMEDIES,
            told=told,
            part_names=wording.PART_NAMES,
            label_names=wording.CLASS_NAMES,
            verdict_names=wording.VERDICT_NAMES,
            origins=ORIGINS,
            status_names=STATUS_NAMES,
        )
    )


def render_card(report: Mapping[str, Any], page: Page) -> str:
    """Fill the model card as Markdown, for whoever gets the model without the page."""
    chosen = report["recommendation"]["variant"]
    title = report["variants"][chosen]["title"] if chosen else recommended(None)
    return (
        make_environment()
        .get_template("model_card.md.j2")
        .render(title=title, run_key=report["run_key"], card=page.card)
    )
