"""The commands named after a stage: one stage alone, of a run that exists."""

import argparse
from collections.abc import Mapping
from functools import partial

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.stages import STAGES, StageContext, execute
from cxr_tasks.runs.start import open_run
from cxr_tasks.settings import SETTINGS
from cxr_tasks.volume.paths import Home, StageName
from cxr_tasks.volume.progress import Progress


def _add_arguments(parser: argparse.ArgumentParser, *, stage: StageName) -> None:
    parser.add_argument(
        "--run", metavar="NAME", help="name of a run that exists; default: $CXR_RUN"
    )
    if stage in ("train", "fold"):
        parser.add_argument("--variant", required=True, choices=SETTINGS["variants"].choices)
    if stage == "fold":
        parser.add_argument("--fold", type=int, required=True, metavar="N", help="from 1")


def _run(options: Options, home: Home, environ: Mapping[str, str], *, stage: StageName) -> int:
    run_key = options["run"] or environ.get("CXR_RUN")
    if not run_key:
        raise ConfigError(
            "No run is named.",
            "A single stage works on a run that exists.",
            "Name it with --run NAME, or start a new one with `python -m cxr_tasks run`.",
        )
    run, config = open_run(home, run_key)
    variant, fold = options.get("variant", ""), options.get("fold", 0)
    context = StageContext(run, config, Progress(run.progress, stage, variant), environ, variant)
    execute(stage, context.for_fold(fold) if fold else context)
    return 0


def _command(stage: StageName) -> Command:
    summary = (STAGES[stage].__doc__ or "").splitlines()[0]
    return Command(
        summary[0].lower() + summary[1:].rstrip("."),
        partial(_run, stage=stage),
        partial(_add_arguments, stage=stage),
    )


COMMANDS: dict[str, Command] = {stage: _command(stage) for stage in STAGES}
"""A command for each stage."""
