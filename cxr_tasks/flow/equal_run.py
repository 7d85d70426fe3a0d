"""Whether a run would only repeat an earlier one: same images, settings, code and versions."""

from pathlib import Path

from cxr_tasks.errors import CxrError
from cxr_tasks.runs.ingest_record import IngestFacts, IngestRecord
from cxr_tasks.runs.start import read_config
from cxr_tasks.settings import PATH_SETTINGS, RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import check_outputs, find_record, versions

_INPUTS = ("dataset", "external", "weights")


def find_equal_run(run: RunPaths, config: RunConfig, ingested: IngestFacts) -> str | None:
    """Return the newest finished run that this one would repeat to the last digit.

    Paths may differ where the same bytes lie under them.

    Args:
        run: The run that is about to begin.
        config: Its configuration.
        ingested: What its ingestion found: fingerprints of images and weights.
    """
    reports = run.root.parent.glob("*/report/report.json")
    for report in sorted(reports, key=_written_at, reverse=True):
        key = report.parent.parent.name
        if key != run.key and _is_equal(run.home, key, config, ingested):
            return key
    return None


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # its run is being deleted
        return 0.0


def _is_equal(home: Home, key: str, config: RunConfig, ingested: IngestFacts) -> bool:
    from cxr_tasks.reporting.report_record import ReportRecord

    try:
        other = home.run(key)
        record, report = (
            find_record(other.ingest, IngestRecord),
            find_record(other.report, ReportRecord),
        )
        if report is not None:
            check_outputs(other.report, report)
        before = read_config(other)
    except CxrError:  # damaged, or of another version of the project: nothing to rely on
        return False
    return (
        record is not None
        and report is not None
        and all(getattr(record, name) == getattr(ingested, name) for name in _INPUTS)
        and report.versions == versions()
        and _deciding(before) == _deciding(config)
        and all(facts.status != "failed" for facts in report.variants.values())
    )


def _deciding(config: RunConfig) -> dict[str, object]:
    settings = config.deciding()
    return {name: value for name, value in settings.items() if name not in PATH_SETTINGS}
