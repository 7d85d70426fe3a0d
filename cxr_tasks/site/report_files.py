"""The files of a run's report as they are served, and the links that make sense only then.

Only files that a record of the run names are served, each checked against its digest there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from cxr_tasks.errors import CxrError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.site.again import again_address
from cxr_tasks.site.airflow_run import PIPELINE
from cxr_tasks.site.inside import is_unreadable, read_if_there
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths, find_inside
from cxr_tasks.volume.records import find_record

_PLACE = b'<span class="served"></span>'
"""Where a report's page has room for links; it has none on disk."""


@dataclass(frozen=True)
class _Listed:
    """One file that may be served."""

    name: str  # the last part of its address
    link: str  # what the report's page calls it
    path: Path
    digest: str  # empty for a record, which is sealed


@dataclass(frozen=True)
class Leads:
    """What the links of a report lead to, beside its files."""

    other: str = ""  # the newest other run on the same data
    decision: str = ""  # what became of its model; empty where it challenged no champion
    has_note: bool = False  # whether somebody has said something of it


def read_served_file(home: Home, key: str, name: str) -> bytes | None:
    """Read a file of a run.

    Args:
        home: The shared volume.
        key: The run's name, as an address gives it.
        name: The file's, likewise.

    Returns:
        None where the run has no such file, or it is not what its record says.

    Raises:
        CxrError: The file or its record may not be read here.
        OSError: Likewise, of their folder.
    """
    try:
        run = home.run(key)
        listed = next((each for each in _files_of(run) if each.name == name), None)
    except CxrError as err:
        if is_unreadable(err):
            raise
        return None
    real = find_inside(run.root, listed.path) if listed else None
    if listed is None or real is None:
        return None
    content = read_if_there(real)
    if content is None:
        return None
    if listed.digest and sha256(content).hexdigest() != listed.digest:
        return None
    return content


def with_served_links(page: bytes, run: RunPaths, leads: Leads, *, base: str) -> bytes:
    """Return a report's page with its files' links as they are here, and links to other pages.

    Args:
        page: The page as it was written.
        run: The run.
        leads: What it leads to.
        base: Where the pages are mounted, such as `/cxr`.
    """
    try:
        report = find_record(run.report, ReportRecord)
        files = list(_files_of(run))
    except (CxrError, OSError):  # the page itself was read, and is whole
        return page
    for each in files:
        place = escape(f"{base}/runs/{run.key}/files/{each.name}")
        page = page.replace(f'href="{each.link}"'.encode(), f'href="{place}"'.encode())
    dag_run = report.times.dag_run if report and report.times else ""
    links = f"This run: {', '.join(_links(run.key, dag_run, leads, base=base))}"
    return page.replace(_PLACE, _PLACE.replace(b"></span>", f">{links}</span>".encode()), 1)


def _files_of(run: RunPaths) -> Iterator[_Listed]:
    """Yield every file that may be served; none while the report is not finished."""
    report = find_record(run.report, ReportRecord)
    if report is None:
        return
    record = run.report / ReportRecord.FILE
    yield _Listed(record.name, record.name, record, "")
    for name in ("table.csv", "model_card.md"):
        if name in report.outputs:
            yield _Listed(name, name, run.report / name, report.outputs[name])
    comparison = find_record(run.evaluate, ComparisonRecord)
    for variant in VARIANTS if comparison else ():
        name = f"{variant}/predictions.csv"
        if comparison and name in comparison.outputs:
            yield _Listed(
                f"{variant}-predictions.csv",
                f"../evaluate/{name}",
                run.evaluate / name,
                comparison.outputs[name],
            )


def _links(key: str, dag_run: str, leads: Leads, *, base: str) -> Iterator[str]:
    """Yield links as HTML: to the run in Airflow's own pages, to what else is known of it."""
    if dag_run:
        ui = base.rpartition("/")[0]
        place = f"{ui}/dags/{PIPELINE}/runs/{quote(dag_run, safe='')}"
        yield f'<a data-airflow href="{escape(place)}">in Airflow</a>'
    here = f"{escape(base)}/runs/{key}"
    yield f'<a href="{here}?part=progress">how it went</a>'
    yield f'<a href="{here}/note">{"its note" if leads.has_note else "add a note"}</a>'
    if leads.decision:
        yield f'<a href="{escape(base)}/champion">champion ({escape(leads.decision)})</a>'
    if leads.other:
        query = escape(urlencode([("run", leads.other), ("run", key)]))
        yield f'<a href="{escape(base)}/compare?{query}">compare with {escape(leads.other)}</a>'
    yield f'<a href="{escape(again_address(key, base=base))}">run again with changes</a>'
    yield f'<a href="{escape(base)}/runs">all runs</a>'
