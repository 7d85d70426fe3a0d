"""A run as far as its split, for tests that train."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.flow.process import run_stage
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home, RunPaths


def ready_to_train(home: Home, name: str, settings: Mapping[str, Any]) -> RunPaths:
    run = start_run(make_config(settings), home, name)
    for stage in ("ingest", "split"):
        run_stage(stage, run, on_line=lambda _: None)
    return run
