"""Whether a run ended early, as it would only have repeated an earlier one."""

from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record


def unchanged_since(run: RunPaths) -> str | None:
    """Return the earlier run whose results are this one's too; None where it has its own."""
    record = find_record(run.ingest, IngestRecord)
    return record.unchanged_since if record else None


def reason(earlier: str) -> str:
    """Return why a run ended early."""
    return (
        f"Nothing has changed since {earlier!r}: the same images, settings, code and versions, so "
        "its results are this run's. To run it all the same, set force (command line: --force)."
    )
