"""The command `track`: a run sent to an MLflow server, once more or for the first time."""

import argparse
from collections.abc import Mapping

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError
from cxr_tasks.runs.start import open_run
from cxr_tasks.tracking.server import STAGE, URI, read_server
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Progress


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", metavar="NAME", help="name of a run that exists; default: $CXR_RUN"
    )
    parser.add_argument(
        "--ended",
        action="store_true",
        help="nothing of the run goes on: one that is not whole has failed",
    )


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.tracking.sending import send_run  # which imports much

    server = read_server(environ)
    if server is None:
        raise ConfigError(
            f"{URI} is not set.",
            "It is the address of the MLflow server that runs are sent to.",
            f"Set it, for example {URI}=http://mlflow.example.org:5000.",
        )
    run_key = options["run"] or environ.get("CXR_RUN")
    if not run_key:
        raise ConfigError(
            "No run is named.", "What is sent is a run that exists.", "Name it with --run NAME."
        )
    run, _ = open_run(home, run_key)
    progress = Progress(run.progress, STAGE)
    progress.emit("done", send_run(run, server, ended=options["ended"], note=progress.note))
    return 0


COMMAND = Command(
    "send a run to the MLflow server that CXR_MLFLOW_URI names",
    _run,
    _add_arguments,
    description="Send what there is of a run to the MLflow server that CXR_MLFLOW_URI names. What "
    "is there already is brought up to date, and never doubled.",
)
