"""How far figures differ between runs of one volume that differ in their seed alone.

They have the same images, so that only what training owes to chance differs: division, initial
weights, order. Runs of other settings, weights or libraries are no such runs.
"""

from contextlib import suppress
from pathlib import Path

from cxr_tasks.errors import CxrError
from cxr_tasks.reporting.report_record import ReportFigures, ReportRecord, SeedsFacts, SeedVariant
from cxr_tasks.settings.alike import deciding
from cxr_tasks.statistics.repeats import spread_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record, versions

MAX_RUNS = 20
"""Reports that are read: the newest ones."""


def seed_spread(run: RunPaths, report: ReportFigures) -> SeedsFacts | None:
    """Return the spread over this run and those like it; None where there is no other."""
    others = [each for each in _newest(run) if _differs_in_seed(report, each)]
    if not others:
        return None
    return SeedsFacts(
        runs=sorted(each.run_key for each in others),
        variants={
            name: SeedVariant(
                roc_auc=spread_of([each.trained[name].headline.roc_auc.value for each in alike]),
                accuracy=spread_of([each.trained[name].headline.accuracy.value for each in alike]),
            )
            for name in report.trained
            if len(alike := [each for each in (report, *others) if name in each.trained]) > 1
        },
    )


def _newest(run: RunPaths) -> list[ReportRecord]:
    """Read the newest reports of other runs; one that cannot be read is passed over."""
    folders = [folder for folder in run.root.parent.glob("*/report") if folder != run.report]
    found = []
    for folder in sorted(folders, key=_written_at, reverse=True)[:MAX_RUNS]:
        with suppress(CxrError):  # damaged, or of another version of the project
            record = find_record(folder, ReportRecord)
            if record is not None:
                found.append(record)
    return found


def _written_at(folder: Path) -> float:
    try:
        return (folder / ReportRecord.FILE).stat().st_mtime
    except FileNotFoundError:  # unfinished, or its run is being deleted
        return 0.0


def _differs_in_seed(report: ReportFigures, other: ReportRecord) -> bool:
    return (
        other.data.fingerprint == report.data.fingerprint
        and other.weights.sha256 == report.weights.sha256
        and other.versions == versions()
        and other.config["seed"] != report.config["seed"]
        and deciding(other.config) == deciding(report.config)
    )
