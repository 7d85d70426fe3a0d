"""The whole run without a scheduler: the DAG's stages in its order, and its gate."""

import os
from collections.abc import Callable, Mapping

from cxr_tasks.flow.process import run_stage
from cxr_tasks.flow.side_by_side import run_at_once
from cxr_tasks.runs.result import check_complete
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths


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
