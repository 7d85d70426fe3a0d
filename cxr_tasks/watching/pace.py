"""How far a training is, and when it may end at its present pace."""

from statistics import fmean

from cxr_tasks.watching.event_log import TaskLog
from cxr_tasks.watching.run_progress import FitCurve, TrainingProgress


def training_progress(log: TaskLog, *, n_fits: int) -> TrainingProgress:
    """Describe a variant's training.

    Args:
        log: What it has told.
        n_fits: Of how many fits it consists; its folds and the final one, or 1.
    """
    curves = tuple(FitCurve(fit.name, fit.epochs) for fit in log.fits.values())
    fit = log.fit
    if fit is None:
        return TrainingProgress(n_fits=n_fits, fits=curves)
    number = _number(fit.name, n_fits)
    running = log.is_open and fit.epoch > 0
    return TrainingProgress(
        fit=fit.name,
        n_fits=n_fits,
        n_fits_done=n_fits if log.is_done else number - 1,
        epoch=fit.epoch,
        n_epochs=fit.n_epochs,
        fit_until=fit.epoch_at + fit.seconds_left if running and fit.seconds_left else None,
        until=_until(log, number, n_fits) if log.is_open else None,
        fits=curves,
    )


def _number(name: str, n_fits: int) -> int:
    """Return which of the fits this is, from 1: `fold 3 of 5` is 3, the final fit the last."""
    return min(int(name.split()[1]), n_fits) if name.startswith("fold ") else n_fits


def _until(log: TaskLog, number: int, n_fits: int) -> float | None:
    """Return when the training ends if what is left takes as long as the mean of what is done.

    None where no other fit is done: with early stopping the limit of epochs tells little.
    """
    fit = log.fit
    done = [each.seconds for each in log.fits.values() if each is not fit and each.seconds]
    if fit is None or not done:
        return None
    mean = fmean(done)
    this_one = max(fit.began + mean, fit.last_at)
    if fit.epoch:  # the limit of epochs ends it, if nothing else does
        this_one = min(this_one, fit.epoch_at + fit.seconds_left)
    return this_one + mean * (n_fits - number)
