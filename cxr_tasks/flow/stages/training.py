"""The stages that train: a variant with all its folds, and one fold."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cxr_tasks.errors import ConfigError, CxrError
from cxr_tasks.flow.process import run_fold as run_fold_in_child
from cxr_tasks.flow.stages.execution import StageContext, execute_alone
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.training.gpu_lease import CardLease, process_card
from cxr_tasks.variants import VARIANTS

if TYPE_CHECKING:
    from cxr_tasks.training.train import TrainingContext
    from cxr_tasks.training.training_record import FitFacts


def run_train(context: StageContext) -> str:
    """Train one variant, with all its folds.

    Where frozen layers run once, a fold trains for seconds on what they gave, and starting Python
    and TensorFlow for it would take longer: all folds and the final fit share this process, which
    lays aside each network before the next. The other variants train for minutes, and need the
    most memory: each of their folds has a process of its own, which gives back all of it.
    """
    from cxr_tasks.training.train import train_variant

    _check_variant(context)
    _report_threads(context)
    shares_process = VARIANTS[context.variant].trains_on_features
    progress = replace(context.progress, fit="final fit") if context.config.folds else None
    with process_card(context.run.home, context.environ, note=context.progress.note) as card:
        record = train_variant(
            _training_context(replace(context, progress=progress or context.progress), card),
            train_one=partial(
                train_fold_here if shares_process else _train_fold_in_child, context, card
            ),
        )
    if record.folds:
        n_repeats = context.config.n_repeats_of(context.variant)
        divided = f", divided {n_repeats} times" if n_repeats > 1 else ""
        return f"{context.config.folds} folds{divided}, final fit of {_epochs(record.epochs_run)}"
    return _summary(record)


def run_fold(context: StageContext) -> str:
    """Train one fold of a variant; `train` does it for all that are missing."""
    with process_card(context.run.home, context.environ, note=context.progress.note) as card:
        return _run_fold(context, card)


def train_fold_here(context: StageContext, card: CardLease, number: int) -> None:
    """Train one fold in this process, as its own process would, and drop its network.

    Raises:
        CxrError: The fold's own, with its number.
    """
    from cxr_tasks.training.keras_runtime import forget_networks

    try:
        execute_alone("fold", context.for_fold(number), lambda fold: _run_fold(fold, card))
    except CxrError as err:
        raise type(err)(f"Fold {number}: {err.problem}", err.rule, err.remedy) from err
    finally:
        forget_networks()


def _train_fold_in_child(context: StageContext, _card: CardLease, number: int) -> None:
    run_fold_in_child(context.variant, number, context.run, environ=context.environ)


def _run_fold(context: StageContext, card: CardLease) -> str:
    from cxr_tasks.training.train import train_fold

    _check_variant(context)
    n_rounds = context.config.folds * context.config.n_repeats_of(context.variant)
    if not 1 <= context.fold <= n_rounds:
        raise ConfigError(
            f"The run {context.run.key!r} has no fold {context.fold}.",
            f"Its folds are numbered from 1 to {n_rounds}." if n_rounds else "It has no folds.",
            "Name one of them with --fold, or start a run with --folds.",
        )
    return _summary(train_fold(_training_context(context, card), context.fold))


def _training_context(context: StageContext, card: CardLease) -> "TrainingContext":
    from cxr_tasks.training.train import TrainingContext

    return TrainingContext(
        context.run,
        context.config,
        context.variant,
        progress=context.progress,
        memory=context.memory,
        card=card,
    )


def _summary(record: "FitFacts") -> str:
    return f"{_epochs(record.epochs_run)}, best epoch {record.best_epoch}"


def _epochs(n: int) -> str:
    return f"{n} {'epoch' if n == 1 else 'epochs'}"


def _report_threads(context: StageContext) -> None:
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
