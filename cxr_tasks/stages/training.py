"""The stages that train: a variant with all its folds, and one fold."""

from dataclasses import replace

from cxr_tasks.devices import n_cores
from cxr_tasks.errors import ConfigError
from cxr_tasks.records import Record, require_record
from cxr_tasks.stages.context import StageContext


def run_train(context: StageContext) -> str:
    """Train one variant, with all its folds."""
    from cxr_tasks.training.train import train_variant

    _check_variant(context)
    _tell_threads(context)
    progress = replace(context.progress, fit="final fit") if context.config.folds else None
    record = train_variant(
        context.run,
        context.config,
        context.variant,
        progress=progress or context.progress,
        memory=context.memory,
        environ=context.environ,
    )
    if record["folds"]:
        return f"{len(record['folds'])} folds, final fit of {record['epochs_run']} epochs"
    return _told(record)


def run_fold(context: StageContext) -> str:
    """Train one fold of a variant; `train` does it for all that are missing."""
    from cxr_tasks.training.train import train_one_fold

    _check_variant(context)
    folds = require_record(context.run.split, "split")["folds"]
    n_rounds = len(folds["rounds"]) if folds else 0
    if not 1 <= context.fold <= n_rounds:
        raise ConfigError(
            f"The run {context.run.key!r} has no fold {context.fold}.",
            f"Its folds are numbered from 1 to {n_rounds}." if n_rounds else "It has no folds.",
            "Name one of them with --fold, or start a run with --folds.",
        )
    record = train_one_fold(
        context.run,
        context.config,
        context.variant,
        context.fold,
        progress=context.progress,
        memory=context.memory,
        environ=context.environ,
    )
    return _told(record)


def _told(record: Record) -> str:
    return f"{record['epochs_run']} epochs, best epoch {record['best_epoch']}"


def _tell_threads(context: StageContext) -> None:
    """Report where a training has more threads than this machine has cores."""
    threads = context.config.threads
    if threads > n_cores():
        context.progress.note(
            f"threads={threads} are more than the {n_cores()} cores of this machine: the same "
            "numbers, slower"
        )


def _check_variant(context: StageContext) -> None:
    if context.variant not in context.config.variants:
        raise ConfigError(
            f"The variant {context.variant!r} is not part of run {context.run.key!r}.",
            f"This run has: {', '.join(context.config.variants)}.",
            "Name one of them with --variant, or start a run that has it.",
        )
