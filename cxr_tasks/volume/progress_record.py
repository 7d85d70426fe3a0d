"""One line of `progress.jsonl`: something that happened in a stage."""

from typing import Literal

from cxr_tasks.volume.record_model import Facts

EventKind = Literal["start", "note", "epoch", "done", "failed", "stopped", "given back"]
"""`given back`: its worker was asked to end, or heard no more of Airflow, and another goes on."""

ENDS: frozenset[EventKind] = frozenset(("done", "failed", "stopped", "given back"))
"""After which nobody works on the stage."""

Level = Literal["info", "warning"]


class EpochFigures(Facts):
    """What an epoch has measured; see `training.epoch.EpochResult`."""

    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    val_loss_no_lag: float | None
    """Under batch statistics without lag; None where the training moves none."""
    val_accuracy_no_lag: float | None


class ProgressRecord(Facts):
    """One thing that happened; `text` says it to a person."""

    stage: str
    """Where it happened."""
    kind: EventKind
    """What it was."""
    text: str
    variant: str = ""
    epoch: int = 0
    """The epoch that has ended, from 1; 0 where it is about none."""
    n_epochs: int = 0
    """The maximum number of epochs."""
    seconds_left: float = 0.0
    """The rest of the training at most."""
    at: float = 0.0
    """In seconds since 1970."""
    fit: str = ""
    """The training that it is about where a stage trains several: `fold 2 of 5`."""
    level: Level = "info"
    """As logs have it."""
    figures: EpochFigures | None = None
    """Of the epoch that has ended; None where it is about none, and in older files."""

    @property
    def name(self) -> str:
        """The stage, with its variant where it has one."""
        return f"{self.stage} {self.variant}".rstrip()
