"""A run published at its end, where a store is named: what goes wrong costs a warning."""

from collections.abc import Mapping

from cxr_tasks.errors import CxrError
from cxr_tasks.publishing.destination import STAGE, read_destination
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress, Report, warning


def publish_run(run: RunPaths, environ: Mapping[str, str], *, echo: Report = print) -> None:
    """Copy a whole run's report, and the champion, to the store that the environment names.

    Args:
        run: The run.
        environ: Names the store.
        echo: Told what is copied, or why nothing is.
    """
    progress = Progress(run.progress, STAGE, echo=echo)
    try:
        destination = read_destination(environ)
        if destination is not None:
            from cxr_tasks.publishing.sending import publish_champion, publish_report
            from cxr_tasks.publishing.store import Store  # which import much

            store = Store(destination, environ=environ)
            progress.emit("done", publish_report(run, store))
            progress.emit("done", publish_champion(run.home, store))
    except Exception as err:  # whatever it is, the run has ended as it has
        problem = err.problem if isinstance(err, CxrError) else f"{type(err).__name__}: {err}"
        text = f"not published. {problem} To publish it later: python -m cxr_tasks {STAGE} --run "
        _warn(progress, warning(f"{text}{run.key}"))


def _warn(progress: Progress, text: str) -> None:
    try:
        progress.emit("failed", text)
    except OSError as err:  # the volume is full, or gone
        progress.echo(f"{text} ({err})")
