"""Runs that have told something: events and files as the stages write them, in a moment."""

from collections.abc import Iterable
from typing import Any

from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home, RunPaths, StageName
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.progress_record import EpochFigures, EventKind
from cxr_tasks.watching.watch import Watch

BEGAN = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""


def begin_run(home: Home, key: str = "mine", **settings: Any) -> RunPaths:
    return start_run(make_config({"threads": 2, **settings}), home, key, note=lambda _: None)


def told(
    run: RunPaths,
    stage: StageName,
    kind: EventKind = "done",
    text: str = "well",
    *,
    variant: str = "",
    fit: str = "",
    at: float = BEGAN,
) -> None:
    progress = Progress(run.progress, stage, variant, fit, echo=lambda _: None, clock=lambda: at)
    progress.emit(kind, text)


def told_epochs(
    run: RunPaths,
    numbers: Iterable[int],
    *,
    variant: str = "vanilla_cnn",
    fit: str = "",
    n_epochs: int = 8,
    at: float = BEGAN,
    loss: float = 0.5,
) -> None:
    """Tell of epochs, a second each."""
    for number in numbers:
        progress = Progress(
            run.progress,
            "train",
            variant,
            fit,
            echo=lambda _: None,
            clock=lambda number=number: at + number,  # type: ignore[misc]
        )
        progress.epoch(
            number,
            n_epochs=n_epochs,
            seconds_left=float(n_epochs - number),
            text=f"loss {loss}",
            figures=figures(loss),
        )


def figures(loss: float) -> EpochFigures:
    return EpochFigures(
        loss=loss,
        accuracy=0.8,
        val_loss=loss + 0.1,
        val_accuracy=0.75,
        val_loss_no_lag=None,
        val_accuracy_no_lag=None,
    )


def fail(run: RunPaths, stage: StageName, variant: str | None = None, **said: Any) -> None:
    """Leave how a stage failed, as its parent process does."""
    content = {"exit_code": 1, "signal": None, "message": "It broke.\nIn two lines."} | said
    write_json(run.error(stage, variant), content)


def finish(run: RunPaths, stage: StageName, variant: str | None = None) -> None:
    """Leave a record's name, as far as its presence is asked for."""
    folder = run.train(variant) if variant else run.root / stage
    folder.mkdir(parents=True)
    names = {"train": "train.json", "evaluate": "comparison.json"}
    (folder / names.get(stage, f"{stage}.json")).write_text("{}")


def states(watch: Watch, *, now: float = BEGAN, **airflow: Any) -> dict[str, str]:
    return {task.name: task.state for task in watch.look(now=now, **airflow).tasks}
