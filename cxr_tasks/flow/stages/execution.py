"""How a stage is executed: alone on its folder, watched, and told of at its end."""

import time
from collections.abc import Callable

from cxr_tasks.flow.stages.context import StageContext
from cxr_tasks.flow.stages.ingestion import dataset_folders
from cxr_tasks.flow.stages.other_code import keep_finished
from cxr_tasks.runs.run import is_of_this_code, open_run
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.progress import duration
from cxr_tasks.volume.size import as_size, weigh


def execute_alone(stage: str, context: StageContext, work: Callable[[StageContext], str]) -> None:
    """Run a stage in this process, alone on its folder, and tell how long it took.

    Of a run that other code began, only what is finished is left as it is.

    Args:
        stage: Its name.
        context: What it is given.
        work: Does it, and returns a sentence about the result.
    """
    run, progress = context.run, context.progress
    whose = f"{context.variant}-fold-{context.fold}" if context.fold else context.variant
    lock = run.lock(stage, whose or None)
    with (
        volume_in_use(run.home, on_wait=lambda: progress.echo("space is being freed; waiting")),
        locked(lock, on_wait=lambda: progress.note("another process is at it; waiting")),
        context.memory,
    ):
        open_run(run.home, run.key)  # it may have been removed meanwhile
        started = time.monotonic()
        told = work(context) if is_of_this_code(run) else keep_finished(stage, context)
        told += f" ({duration(time.monotonic() - started)}{_size(stage, context)})"
        if context.fold:
            progress.note(told)  # only its variant's stage is done when it is done
        else:
            progress.emit("done", told)


def _size(stage: str, context: StageContext) -> str:
    """Say how large what the stage made is: its folder, if it has one, or the data sets."""
    folder = context.run.train(context.variant) if context.variant else context.run.root / stage
    if context.fold or not folder.is_dir():
        return ""
    folders = dataset_folders(context.run) if stage == "ingest" else [folder]
    return f", {as_size(sum(weigh(folder).n_bytes for folder in folders))} on disk"
