"""Which lines of `progress.jsonl` tell of a run's own stages: any hand may have written there."""

import re

from cxr_tasks.settings import SETTINGS
from cxr_tasks.volume.progress_record import EpochFigures, ProgressRecord
from cxr_tasks.watching.task_names import STAGE_OF

_LAST_SECOND = 253_402_300_799
"""Of the year 9999, after which Python knows no dates."""

_MAX_LOSS = 3.5e38
"""Networks compute in 32 bits, which hold no more."""

_ROUNDING = 1e-6
"""By how much a mean of 32 bits may lie outside of what it is the mean of."""

_FIT = re.compile(r"|final fit|fold [1-9]\d{0,2} of [1-9]\d{0,2}")
"""Other names are no training of this project."""


def is_of_run(event: ProgressRecord) -> bool:
    """Return whether an event is of a stage of the run, with values that it can have.

    Commands that come after a run, such as `track`, write events too; a run is not at work by them.
    """
    most = SETTINGS["epochs"].maximum or 0
    return (
        0 <= event.at <= _LAST_SECOND
        and event.name in STAGE_OF
        and _FIT.fullmatch(event.fit) is not None
        and 0 <= event.epoch <= most
        and 0 <= event.n_epochs <= most
        and 0 <= event.seconds_left <= _LAST_SECOND
        and (event.figures is None or _are_possible(event.figures))
    )


def _are_possible(figures: EpochFigures) -> bool:
    losses = (figures.loss, figures.val_loss)
    accuracies = (figures.accuracy, figures.val_accuracy)
    return all(0 <= loss <= _MAX_LOSS for loss in losses) and all(
        -_ROUNDING <= accuracy <= 1 + _ROUNDING for accuracy in accuracies
    )
