"""What is copied of a run and of a champion, once every file is checked against its record.

Images never leave, nor what may name a patient: no predictions, no tables of images, no pages with
radiographs in them. Only a report on images that this project drew is copied as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.publishing.manifest import Manifest, make_manifest
from cxr_tasks.publishing.without_names import without_names
from cxr_tasks.reporting.report import render_card
from cxr_tasks.reporting.report_record import LABELS_PAGE, ReportRecord
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.volume.records import require_record

CARD, TABLE = "model_card.md", "table.csv"


@dataclass(frozen=True)
class Copy:
    """A copy to be made: its manifest, and its files by name."""

    manifest: Manifest
    files: Mapping[str, bytes]


def copy_of_report(run: RunPaths) -> Copy:
    """Collect what is copied of a run's report.

    Raises:
        ArtifactError: The report is not finished, or of a newer version of the project.
        DamagedError: A file is not what its record says.
    """
    report = require_record(run.report, ReportRecord)
    path = run.report / ReportRecord.FILE
    if _is_drawn(report):
        names = ("index.html", LABELS_PAGE, CARD, TABLE)
        files = {name: (run.report / name).read_bytes() for name in names if name in report.outputs}
        files[path.name] = path.read_bytes()
    else:
        shared = without_names(report)
        files = {
            path.name: _sealed(shared),
            CARD: render_card(shared).encode(),
            TABLE: (run.report / TABLE).read_bytes(),
        }
    manifest = make_manifest("runs", run.key, files=files, record_sha256=sha256_of(path))
    return Copy(manifest, files)


def copy_of_champion(home: Home, version: str) -> Copy:
    """Collect what is copied of a version of the champion: its model, and its record.

    Raises:
        DamagedError: A file of it is not what its record says.
    """
    champion = require_champion(home, version)
    model, record = champion.model_file, champion.folder / VersionRecord.FILE
    files = {path.name: path.read_bytes() for path in (model, record)}
    manifest = make_manifest("champions", version, files=files, record_sha256=sha256_of(record))
    return Copy(manifest, files)


def _is_drawn(report: ReportRecord) -> bool:
    """Return whether this project drew every image of a run, those of an external test too."""
    return report.data.synthetic and (report.external is None or report.external.synthetic)


def _sealed(report: ReportRecord) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / ReportRecord.FILE
        write_sealed_record(path, report)
        return path.read_bytes()
