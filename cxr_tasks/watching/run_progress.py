"""How far a run is, as every view of it shows it: plain values, equal where nothing has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cxr_tasks.audit.audit_record import FindingFacts
from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.variants import VARIANTS
from cxr_tasks.watching.fit_log import Epoch

TaskState = Literal[
    "waiting",
    "queued",
    "running",
    "done",
    "failed",
    "stopped",
    "cut off",
    "skipped",
    "not run",
    "not selected",
]
"""`cut off`: it was at work, and no process works on it any more. `not run`: the run ended before
it. `not selected`: by the settings."""

Outcome = Literal["", "finished", "failed", "stopped", "cut off", "gone"]
"""How a run ended; empty while it goes on, or waits. `gone`: it was deleted, or renamed."""

SETTLED: frozenset[TaskState] = frozenset(("done", "skipped", "not selected"))
"""States after which what waits for a task may go on."""


_AGAIN = ("running", "queued")

SYNTHETIC = "synthetic"
"""The label of numbers that images drawn by the project gave."""


@dataclass(frozen=True)
class AirflowTask:
    """What Airflow says of one task; `state` is None before it is scheduled."""

    state: str | None
    try_number: int = 0
    pool: str = ""


@dataclass(frozen=True)
class Failure:
    """How a task ended that has not succeeded since, in full."""

    message: str
    stopped: bool = False  # by a person
    retryable: bool = True


@dataclass(frozen=True)
class FitCurve:
    """One fit of a variant: its name, `fold 2 of 5`, and its epochs, at most some hundred."""

    name: str
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True)
class TrainingProgress:
    """How far a variant's training is."""

    fit: str = ""  # the present one; empty where there is one only
    n_fits: int = 1  # folds and the final fit
    n_fits_done: int = 0
    epoch: int = 0  # that has ended in the present fit; 0 while it loads and prepares
    n_epochs: int = 0  # at most
    fit_until: float | None = None  # when the present fit ends at the latest, at its pace
    until: float | None = None  # when all end, if each takes as long as those that are done
    fits: tuple[FitCurve, ...] = ()

    @property
    def has_epochs(self) -> bool:
        """Whether there is anything to draw."""
        return any(fit.epochs for fit in self.fits)

    @property
    def last(self) -> Epoch | None:
        """The figures of the epoch that has ended; None before the first."""
        if not self.epoch:
            return None
        return next(
            (fit.epochs[-1] for fit in self.fits if fit.name == self.fit and fit.epochs), None
        )


@dataclass(frozen=True)
class TaskProgress:
    """One task of a run."""

    name: str  # `split`, `train vanilla_cnn`
    state: TaskState
    says: str = ""  # what it waits for, or the last that it told
    variant: str = ""
    began: float | None = None  # of its present try, in seconds since 1970
    ended: float | None = None
    n_tries: int = 0
    failure: Failure | None = None  # of its last try; of the one before while it runs again
    training: TrainingProgress | None = None


@dataclass(frozen=True)
class AuditSoFar:
    """What the audit has found, the gravest first, and which controls tell the classes apart."""

    findings: tuple[FindingFacts, ...]
    above_chance: tuple[tuple[str, float], ...]  # title and AUC
    n_controls: int


@dataclass(frozen=True)
class VerdictSoFar:
    """The verdict, once the task `evaluate` has made it."""

    verdict: VerdictName
    sentence: str


@dataclass(frozen=True)
class RunProgress:
    """How far a run is."""

    key: str
    tasks: tuple[TaskProgress, ...]
    outcome: Outcome = ""
    version: str = ""  # equal where nothing has changed, in every process that looks
    began: float | None = None
    last_at: float | None = None
    profile: str = ""
    tags: tuple[str, ...] = ()  # what its numbers are never shown without
    audit: AuditSoFar | None = None
    verdict: VerdictSoFar | None = None
    has_report: bool = False
    problem: str = ""  # what of it cannot be read
    waits_for: str = ""  # what it waits for outside of itself, in words; empty where it does not

    @property
    def synthetic(self) -> bool:
        """Whether the images are drawn by the project."""
        return SYNTHETIC in self.tags

    @property
    def has_folds(self) -> bool:
        """Whether a training consists of several fits."""
        return any(task.training and task.training.n_fits > 1 for task in self.tasks)

    @property
    def tried_again(self) -> frozenset[str]:
        """Names of the tasks that have failed, and are at work again or will be."""
        again = (task.name for task in self.tasks if task.failure and task.state in _AGAIN)
        return frozenset(again)

    @property
    def trainings(self) -> tuple[TaskProgress, ...]:
        """The trainings whose epochs are known."""
        return tuple(task for task in self.tasks if task.training and task.training.has_epochs)

    @property
    def n_settled(self) -> int:
        """How many tasks need nothing more."""
        return sum(task.state in SETTLED for task in self.tasks)


@dataclass(frozen=True)
class Left:
    """What a run has left on the volume beside its events."""

    has_config: bool = False
    variants: Sequence[str] = tuple(VARIANTS)  # before the settings are known, any
    n_fits: Mapping[str, int] = field(default_factory=dict)
    promotes: bool = True
    profile: str = ""
    tags: tuple[str, ...] = ()
    finished: frozenset[str] = frozenset()  # names of tasks
    failures: Mapping[str, Failure] = field(default_factory=dict)  # by the task's name
    asks: str = ""  # how a person answers what is asked about its model; empty where nothing is
    is_of_airflow: bool = False  # whether Airflow has begun it, or went on with it last
    unchanged_since: str = ""
    decision: str = ""  # on its promotion, with the reason
    audit: AuditSoFar | None = None
    verdict: VerdictSoFar | None = None
    problem: str = ""
