"""The command `publish`: a report and the champion copied to an object store, and the way back."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.publishing.destination import EXAMPLE, STAGE, URL, Destination, read_destination
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Progress


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        metavar="NAME",
        help="name of a run whose report is copied too; default: $CXR_RUN, else none",
    )
    parser.add_argument(
        "--fetch",
        metavar="FOLDER",
        help="bring the champion back into a new folder, and copy nothing",
    )


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.publishing.sending import publish_champion, publish_report
    from cxr_tasks.publishing.store import Store  # which import much

    destination = _require_destination(environ)
    if options["fetch"] is not None:
        return _fetch(options, destination, environ)
    run_key = options["run"] or environ.get("CXR_RUN")
    run = open_run(home, run_key)[0] if run_key else None
    store = Store(destination, environ=environ)
    if run is None:
        print(f"{STAGE}: {publish_champion(home, store)}")
        return 0
    progress = Progress(run.progress, STAGE)
    progress.emit("done", publish_report(run, store))
    progress.emit("done", publish_champion(home, store))
    return 0


def _fetch(options: Options, destination: Destination, environ: Mapping[str, str]) -> int:
    from cxr_tasks.publishing.fetching import fetch_champion
    from cxr_tasks.publishing.store import Store

    if options["run"]:
        raise ConfigError(
            f"--run {shown(options['run'])} with --fetch.",
            "What is brought back is the champion, whatever run it is of.",
            "Leave one of them out.",
        )
    # without `x/..`, which is no new folder; a link stays one, and is refused
    folder = Path(os.path.normpath(Path(options["fetch"]).absolute()))
    version = fetch_champion(Store(destination, environ=environ), folder)
    print(
        f"{STAGE}: {version} is in {folder}, every digest checked. It is the model with its "
        "record, for use elsewhere, and no backup: put back on the volume, it cannot serve."
    )
    return 0


def _require_destination(environ: Mapping[str, str]) -> Destination:
    destination = read_destination(environ)
    if destination is None:
        raise ConfigError(
            f"{URL} is not set.",
            "It is the address of the object store that finished things are copied to.",
            f"Set it, for example {EXAMPLE}.",
        )
    return destination


COMMAND = Command(
    "copy a report and the champion to the object store that CXR_PUBLISH_URL names",
    _run,
    _add_arguments,
    description="Copy the champion that serves, and a run's report where one is named, to the "
    "object store that CXR_PUBLISH_URL names, without images and without what may name a patient. "
    "What is there already is not sent again, and never changed.",
)
