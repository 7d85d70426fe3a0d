"""A run as far as its split, for tests that train."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home, RunPaths, StageName
from cxr_tasks.volume.progress import Progress


def ready_to_train(home: Home, name: str, settings: Mapping[str, Any]) -> RunPaths:
    run = start_run(make_config(settings), home, name)
    execute_here("ingest", run)
    execute_here("split", run)
    return run


def execute_here(stage: StageName, run: RunPaths, *, variant: str = "") -> None:
    """Execute a stage in this process: starting Python and TensorFlow for it takes seconds."""
    config = open_run(run.home, run.key)[1]
    progress = Progress(run.progress, stage, variant, echo=lambda _: None)
    execute(stage, StageContext(run, config, progress, {}, variant))
