"""The whole run without a scheduler: the DAG's stages in its order, and its gate."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cxr_tasks.errors import ArtifactError, TrainingError
from cxr_tasks.files import read_json
from cxr_tasks.paths import RunPaths
from cxr_tasks.process import run_stage
from cxr_tasks.records import find_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.side_by_side import run_at_once
from cxr_tasks.unchanged import unchanged_since


def run_pipeline(
    run: RunPaths,
    config: RunConfig,
    *,
    environ: Mapping[str, str] = os.environ,
    on_line: Callable[[str], None] = print,
) -> None:
    """Run every stage as a child process, as the DAG does; finished stages are not repeated.

    The audit runs beside the trainings, which run one after another, each with all its threads.
    A run that would only repeat an earlier one ends after ingestion.
    A failed variant does not cost the others, nor does a failed audit: evaluation and report go
    on without it.

    Raises:
        StageError: A stage failed that the rest of the run needs.
        TrainingError: The report is made, but a variant or the audit has failed.
    """
    run_stage("ingest", run, environ=environ, on_line=on_line)
    if unchanged_since(run):
        return
    run_stage("split", run, environ=environ, on_line=on_line)
    trainings = [("train", name) for name in config.variants]
    run_at_once([[("audit", None)], trainings], run, environ=environ, on_line=on_line)
    for stage in ("evaluate", "report"):
        run_stage(stage, run, environ=environ, on_line=on_line)
    check_complete(run, config)
    if config.promote:
        run_stage("promote", run, environ=environ, on_line=on_line)


def check_complete(run: RunPaths, config: RunConfig) -> None:
    """Refuse to call a run good that lacks its report, audit or a variant: the leaf gate.

    Raises:
        TrainingError: Something of the run is missing.
    """
    missing = [
        name + _reason(run.error(stage, variant))
        for name, stage, variant, folder in _parts(run, config)
        if run.error(stage, variant).exists() or find_record(folder, stage) is None
    ]
    if missing:
        raise TrainingError(
            f"The run {run.key!r} ended without {'; '.join(missing)}.",
            "A run is good when it is audited and every selected variant is trained and reported.",
            f"The whole reasons are in {run.root} (*.error.json); mend them and run it again under "
            "the same name: what is finished is kept.",
        )


def _parts(run: RunPaths, config: RunConfig) -> Iterator[tuple[str, str, str | None, Path]]:
    """Return what makes a run whole: how it is called, its stage and variant, and its folder."""
    for variant in config.variants:
        yield variant, "train", variant, run.train(variant)
    yield "the audit", "audit", None, run.audit
    yield "the report", "report", None, run.report


def _reason(error: Path) -> str:
    """Say in brackets why something is missing, as far as its stage has left a word."""
    try:
        told = str(read_json(error)["message"]).splitlines()
    except (ArtifactError, KeyError):
        return ""
    return f" ({told[0]})" if told else ""
