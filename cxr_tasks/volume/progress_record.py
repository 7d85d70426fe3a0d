"""One line of `progress.jsonl`: something that happened in a stage."""

from typing import Literal

from cxr_tasks.volume.record_model import Facts

EventKind = Literal["start", "note", "epoch", "done", "failed", "stopped"]
Level = Literal["info", "warning"]


class ProgressRecord(Facts):
    """One thing that happened; `text` says it to a person.

    Attributes:
        stage: Where it happened.
        kind: What it was.
        epoch: The epoch that has ended, from 1; 0 where it is about none.
        n_epochs: The maximum number of epochs.
        seconds_left: The rest of the training at most.
        at: In seconds since 1970.
        fit: The training that it is about where a stage trains several: `fold 2 of 5`.
        level: As logs have it.
    """

    stage: str
    kind: EventKind
    text: str
    variant: str = ""
    epoch: int = 0
    n_epochs: int = 0
    seconds_left: float = 0.0
    at: float = 0.0
    fit: str = ""
    level: Level = "info"

    @property
    def name(self) -> str:
        """The stage, with its variant where it has one."""
        return f"{self.stage} {self.variant}".rstrip()
