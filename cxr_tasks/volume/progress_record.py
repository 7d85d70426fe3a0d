"""One line of `progress.jsonl`: something that happened in a stage."""

from typing import Literal

from cxr_tasks.volume.record_model import Facts

EventKind = Literal["start", "note", "epoch", "done", "failed", "stopped"]
Level = Literal["info", "warning"]


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

    @property
    def name(self) -> str:
        """The stage, with its variant where it has one."""
        return f"{self.stage} {self.variant}".rstrip()
