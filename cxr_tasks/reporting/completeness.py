"""Whether a run lacks nothing: its audit, every variant and the report."""

from collections.abc import Iterator
from pathlib import Path

from cxr_tasks.errors import ArtifactError, TrainingError
from cxr_tasks.runs.failure import read_failure
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import find_record


def check_complete(run: RunPaths, config: RunConfig) -> None:
    """Refuse to call a run good that lacks its report, audit or a variant: the leaf gate.

    Raises:
        TrainingError: Something of the run is missing.
    """
    missing = [
        name + _reason(error)
        for name, error, folder, model in _needed(run, config)
        if error.exists() or find_record(folder, model) is None
    ]
    if missing:
        raise TrainingError(
            f"The run {run.key!r} ended without {'; '.join(missing)}.",
            "A run is good when it is audited and every selected variant is trained and reported.",
            f"The whole reasons are in {run.root} (*.error.json); mend them and run it again under "
            "the same name: what is finished is kept.",
        )


def _needed(
    run: RunPaths, config: RunConfig
) -> Iterator[tuple[str, Path, Path, type[StageRecord]]]:
    """Yield what makes a run whole: its name, the file of its failure, its folder and record."""
    from cxr_tasks.audit.audit_record import AuditRecord
    from cxr_tasks.reporting.report_record import ReportRecord
    from cxr_tasks.training.training_record import TrainingRecord

    for variant in config.variants:
        yield variant, run.error("train", variant), run.train(variant), TrainingRecord
    yield "the audit", run.error("audit"), run.audit, AuditRecord
    yield "the report", run.error("report"), run.report, ReportRecord


def _reason(error: Path) -> str:
    """Return in brackets why something is missing, as far as its stage has left a word."""
    try:
        return f" ({read_failure(error).first_line})"
    except ArtifactError:
        return ""
