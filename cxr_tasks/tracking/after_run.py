"""A run sent to MLflow at its end, where a server is named: what goes wrong costs a warning."""

from collections.abc import Mapping

from cxr_tasks.errors import CxrError
from cxr_tasks.tracking.server import STAGE, read_server
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress, Report, warning


def track_run(run: RunPaths, environ: Mapping[str, str], *, echo: Report = print) -> None:
    """Send a run that goes on no more to the server that the environment names, if it names one.

    Args:
        run: The run.
        environ: Names the server.
        echo: Told what is sent, or why nothing is.
    """
    progress = Progress(run.progress, STAGE, echo=echo)
    try:
        server = read_server(environ)
        if server is not None:
            from cxr_tasks.tracking.sending import send_run  # which imports much

            progress.emit("done", send_run(run, server, ended=True, note=progress.note))
    except Exception as err:  # whatever it is, the run has ended as it has
        problem = err.problem if isinstance(err, CxrError) else f"{type(err).__name__}: {err}"
        _warn(progress, f"not sent to MLflow. {problem}")


def _warn(progress: Progress, text: str) -> None:
    command = f"python -m cxr_tasks {STAGE} --run {progress.path.parent.name}"
    try:
        progress.emit("failed", warning(f"{text} To send it later: {command}"))
    except OSError as err:  # the volume is full, or gone
        progress.echo(warning(f"{text} ({err})"))
