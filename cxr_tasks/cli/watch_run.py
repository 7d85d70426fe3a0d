"""The command `watch-run`: a run in the terminal while it goes on, started here or by Airflow."""

import argparse
import time
from collections.abc import Mapping

from cxr_tasks.cli import Command, Options
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.paths import Home
from cxr_tasks.watching.run_progress import RunProgress

_LOOK_SECONDS = 1.0
_DESCRIPTION = (
    "Show a run while it goes on: each task's state, fold and epoch, losses, time left, the "
    "audit's findings and the verdict once they are known, errors in full. On a terminal it is a "
    "table that follows the run, elsewhere a line for each change. It only reads: Ctrl-C ends the "
    "watching and leaves the run alone. It ends with the run, and follows one that waits for a "
    "person or for Airflow; exit status 0: the run is whole, or goes on, 1: it failed, was "
    "stopped, cut off or deleted."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the run")
    parser.add_argument("--once", action="store_true", help="show how far it is, and end")


def _watch_run(options: Options, home: Home, _environ: Mapping[str, str]) -> int:
    run, _ = open_run(home, options["name"])
    # which import much
    from cxr_tasks.cli.run_view import show_once, showing
    from cxr_tasks.cli.run_words import ending, how_it_is
    from cxr_tasks.watching.watch import Watch

    watch = Watch(run)
    progress = watch.look(now=time.time())
    if options["once"]:
        show_once(progress, now=time.time())
    else:
        try:
            with showing() as show:
                show(progress, time.time())
                while not progress.outcome:
                    time.sleep(_LOOK_SECONDS)
                    progress = watch.look(now=time.time())
                    if progress.outcome != "gone":
                        show(progress, time.time())
        except KeyboardInterrupt:
            progress = watch.look(now=time.time())
            print(f"No longer watched; {how_it_is(progress)}", flush=True)
            return 0
    print(ending(progress, report=run.report / "index.html"))
    return _status(progress)


def _status(progress: RunProgress) -> int:
    return 0 if progress.outcome in ("", "finished") else 1


COMMAND = Command("watch a run while it goes on", _watch_run, _add_arguments, _DESCRIPTION)
