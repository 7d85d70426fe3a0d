"""What is copied of a run and of a champion, once every file is checked against its record.

Images never leave, nor what may name a patient: no predictions, no tables of images, no pages with
radiographs in them. Only a report on images that this project drew is copied as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.errors import DamagedError
from cxr_tasks.publishing.manifest import Manifest, make_manifest
from cxr_tasks.publishing.without_names import version_without_names, without_names
from cxr_tasks.reporting.report import render_card, render_table
from cxr_tasks.reporting.report_record import LABELS_PAGE, ReportRecord
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import StageRecord, parse_sealed_record, write_sealed_record
from cxr_tasks.volume.records import require_record

CARD, TABLE = "model_card.md", "table.csv"
_PAGES = ("index.html", LABELS_PAGE, CARD, TABLE)


@dataclass(frozen=True)
class Copy:
    """A copy to be made: its manifest, and its files by name."""

    manifest: Manifest
    files: Mapping[str, bytes]


def copy_of_report(run: RunPaths) -> Copy:
    """Collect what is copied of a run's report.

    Raises:
        ArtifactError: The report is not finished, or of a newer version of the project.
        DamagedError: A file is not what its record says, or the report is being made anew.
    """
    require_record(run.report, ReportRecord)
    path = run.report / ReportRecord.FILE
    own = _read(path)
    report = parse_sealed_record(own, ReportRecord, path=path)
    if _is_drawn(report):
        names = [name for name in _PAGES if name in report.outputs]
        files = {name: _checked(run.report / name, report) for name in names} | {path.name: own}
    else:
        sent = without_names(report)
        files = {
            path.name: _sealed(sent),
            CARD: render_card(sent).encode(),
            TABLE: render_table(sent).encode(),
        }
    digest = sha256(own).hexdigest()
    return Copy(make_manifest("runs", run.key, files=files, record_sha256=digest), files)


def copy_of_champion(home: Home, version: str) -> Copy:
    """Collect what is copied of a version of the champion: its model, and its record.

    Raises:
        DamagedError: A file of it is not what its record says, or it is being made anew.
    """
    champion = require_champion(home, version)
    path = champion.folder / VersionRecord.FILE
    own = _read(path)
    record = parse_sealed_record(own, VersionRecord, path=path)
    files = {
        champion.model_file.name: _checked(champion.model_file, record),
        path.name: _sealed(version_without_names(record)),
    }
    digest = sha256(own).hexdigest()
    return Copy(make_manifest("champions", version, files=files, record_sha256=digest), files)


def _checked(path: Path, record: StageRecord) -> bytes:
    """Read a file of a finished folder: the very bytes that are sent are those of the record.

    No lock keeps the folder from being made anew between one file and the next.
    """
    content = _read(path)
    if sha256(content).hexdigest() != record.outputs.get(path.name):
        raise _changed(path)
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as err:
        raise _changed(path) from err


def _changed(path: Path) -> DamagedError:
    return DamagedError(
        f"{path} is not what its record says.",
        "A copy is of one report, or of one version; this one was changed while it was read.",
        "Publish again. If it is the same then, run again what made it: that makes it anew.",
    )


def _is_drawn(report: ReportRecord) -> bool:
    """Return whether this project drew every image of a run, those of an external test too."""
    return report.data.synthetic and (report.external is None or report.external.synthetic)


def _sealed(record: StageRecord) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / record.FILE
        write_sealed_record(path, record)
        return path.read_bytes()
