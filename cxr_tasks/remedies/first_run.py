"""The run whose images were as they came: what a remedied run is compared with."""

from pathlib import Path

from cxr_tasks.errors import CxrError
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths, check_run_key
from cxr_tasks.volume.records import find_record


def remedied_key(first: str, remedy: str) -> str:
    """Return the name of the run that does a run again with a remedy.

    Raises:
        ConfigError: It would be too long.
    """
    return check_run_key(f"{first}-{remedy}")


def find_first_run(run: RunPaths, config: RunConfig, base: str) -> str | None:
    """Find the run on the data set that a remedy was applied to.

    By name the one that this run does again, else the newest with a report; None where there is
    none.

    Args:
        run: The remedied run.
        config: Its settings.
        base: Fingerprint of the data set as it came.
    """
    reports = run.root.parent.glob("*/report/report.json")
    found = {path.parents[1].name: path for path in reports if _is_on(run, path.parents[1], base)}
    by_name = run.key.removesuffix(f"-{config.remedy}")
    if by_name in found:
        return by_name
    return max(found, key=lambda key: (_changed_at(found[key]), key), default=None)


def _is_on(run: RunPaths, folder: Path, base: str) -> bool:
    try:
        ingested = find_record(run.home.run(folder.name).ingest, IngestRecord)
    except CxrError:  # damaged, or a folder that is no run's
        return False
    return ingested is not None and ingested.dataset == base


def _changed_at(report: Path) -> float:
    try:
        return report.stat().st_mtime
    except FileNotFoundError:  # its run is being deleted
        return 0.0
