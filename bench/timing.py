"""Seconds an epoch of both sides, from the moments at which epochs ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from cxr_tasks.errors import DataError

_DIGITS = 4


@dataclass(frozen=True)
class Trained:
    """One training as a watch beside it would note it."""

    started_at: float  # clock in seconds when its process was started
    ended_at: tuple[float, ...]  # the same clock at the end of each epoch, at least two
    n_train: int  # images that were trained on
    n_val: int  # images that were only looked at

    @property
    def epoch_seconds(self) -> tuple[float, ...]:
        """Time from one epoch's end to the next one's, whatever is done meanwhile.

        So the first epoch is left out, in which Keras may still trace its functions.
        """
        return tuple(later - earlier for earlier, later in pairwise(self.ended_at))

    @property
    def prepare_seconds(self) -> float:
        """All the time that no epoch explains: imports, building, tracing, frozen layers."""
        return self.ended_at[0] - self.started_at - median(self.epoch_seconds)


def compare(variant: str, study: Sequence[Trained], pipeline: Trained) -> dict[str, Any]:
    """Set the study's trainings, taken together, against the pipeline's one.

    Returns:
        Medians of seconds an epoch, how many times faster the pipeline is, and what they
        are made of.

    Raises:
        DataError: The two sides did not train on equally many images.
    """
    _check_same_images(variant, study[0], pipeline)
    study_epochs = [seconds for trained in study for seconds in trained.epoch_seconds]
    study_median, here_median = median(study_epochs), median(pipeline.epoch_seconds)
    return {
        "study_seconds_per_epoch": round(study_median, _DIGITS),
        "seconds_per_epoch": round(here_median, _DIGITS),
        "ratio": round(study_median / here_median, 3),
        "study_prepare_seconds": round(median([one.prepare_seconds for one in study]), 1),
        "prepare_seconds": round(pipeline.prepare_seconds, 1),
        "n_train": pipeline.n_train,
        "n_val": pipeline.n_val,
        "study_epoch_seconds": [round(seconds, _DIGITS) for seconds in study_epochs],
        "epoch_seconds": [round(seconds, _DIGITS) for seconds in pipeline.epoch_seconds],
    }


def _check_same_images(variant: str, study: Trained, pipeline: Trained) -> None:
    if (study.n_train, study.n_val) != (pipeline.n_train, pipeline.n_val):
        raise DataError(
            f"{variant}: the study's loader has {study.n_train} + {study.n_val} images to train "
            f"and validate, the pipeline {pipeline.n_train} + {pipeline.n_val}.",
            "Seconds an epoch compare only where both sides have the same images.",
            "Take the images out of DATA that the pipeline rejects (rejected.csv names them).",
        )
