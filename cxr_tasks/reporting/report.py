"""The report: one self-contained page, its figures as JSON, and a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cxr_tasks.files import write_rows, write_text
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import duration
from cxr_tasks.records import Record
from cxr_tasks.reporting import wording
from cxr_tasks.reporting.figures import INKS
from cxr_tasks.reporting.material import Material, collect, report_facts
from cxr_tasks.reporting.page import MAX_REJECTED, MAX_WRONG, Page, make_page
from cxr_tasks.settings import SETTINGS, RunConfig
from cxr_tasks.variants import VARIANTS

_FIRST_COLUMNS = ("variant", "status", "error", "basis")


def make_report(run: RunPaths, config: RunConfig, built: Path) -> Record:
    """Write `index.html` and `table.csv` into `built`.

    Returns:
        The content of `report.json`, which the stage's record is made of.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    material = collect(run, config)
    report = report_facts(material)
    write_text(built / "index.html", render(material, report, make_page(material, report)))
    rows = [_row(name, facts, report["basis"]) for name, facts in report["variants"].items()]
    columns = list(dict.fromkeys([*_FIRST_COLUMNS, *(key for row in rows for key in row)]))
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
        "whole": wording.whole,
        "megabytes": wording.megabytes,
        "one_line": wording.one_line,
        "titled": titled,
        "proportions": wording.proportions,
        "duration": duration,
    }
    return environment


def titled(text: str) -> str:
    """Put what a person calls the variants in place of their names, fit for a list."""
    for name, variant in VARIANTS.items():
        text = text.replace(name, variant.title.replace(",", ""))
    return text


def _row(name: str, facts: Mapping[str, Any], basis: str) -> dict[str, Any]:
    """Flatten a variant to the single numbers and words a table can hold."""
    flat = {
        key: value for key, value in facts.items() if not isinstance(value, (dict, list, tuple))
    }
    for metric, headline in facts.get("headline", {}).items():
        if isinstance(headline, Mapping) and headline["interval"] is not None:
            low, high = headline["interval"]
            flat |= {f"{basis}_{metric}_low": low, f"{basis}_{metric}_high": high}
    return {"variant": name, "basis": basis, **flat}
