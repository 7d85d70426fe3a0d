"""`train.json`: how a training went, of a variant or of one of its folds."""

from typing import ClassVar, Literal

from cxr_tasks.volume.record_model import Facts, PeakMemory, StageRecord

StoppedBy = Literal["patience", "epochs", "folds"]
"""What ended a training; the final fit trains as long as the `folds` say."""


class WithoutLag(Facts):
    """How early stopping would have gone under batch statistics without lag."""

    best_epoch: int
    val_loss: float
    val_accuracy: float
    stops_after: int | None
    """The epoch after which patience would have ended it; None where it would not."""
    decided_stopping: bool
    """Whether lag ended the training."""


class FitFacts(Facts):
    """One fit of a network."""

    variant: str
    n_parameters: int
    n_trainable_parameters: int
    epochs_run: int
    best_epoch: int
    """Whose weights the model has, from 1."""
    stopped_by: StoppedBy
    without_lag: WithoutLag | None = None
    max_epochs: int
    patience: int
    train_seconds: float
    seconds_per_epoch: float
    resumed_from_epoch: int
    device: str
    """What computed it."""
    threads: int
    learning_rate: float
    batch_size: int
    class_weight: dict[str, float] | None
    """Factor of the loss by label; None weighs all images equally."""
    n_train: int
    n_val: int
    model_bytes: int
    weights_origin: str
    prepare_seconds: float
    precision: str
    cut_after: str | None
    """The last frozen layer that was run once, if any."""
    activations: str
    """Key of the cached activations; empty where there are none."""
    n_activations_computed: int
    """Images whose activations were not in the cache."""


class FoldSummary(Facts):
    """What a variant's record keeps of one of its folds; `round` is from 1."""

    round: int
    best_epoch: int
    epochs_run: int
    stopped_by: StoppedBy
    train_seconds: float
    prepare_seconds: float
    resumed_from_epoch: int
    peak_anon_mb: int | float = 0
    without_lag: WithoutLag | None = None


class TrainingFacts(PeakMemory, FitFacts):
    """The final fit, with the time of all folds in its seconds and the highest peak of any."""

    folds: list[FoldSummary]


class TrainingRecord(TrainingFacts, StageRecord):
    """The finished stage `train`: the model that is kept."""

    FILE: ClassVar[str] = "train.json"
    COMMAND: ClassVar[str] = "train"

    stage: Literal["train"]


class _Round(Facts):
    round: int


class FoldFacts(PeakMemory, _Round, FitFacts):
    """The fit of a fold; `round` is from 1."""


class FoldRecord(FoldFacts, StageRecord):
    """One finished fold, in its own folder below the variant's."""

    FILE: ClassVar[str] = "train.json"
    COMMAND: ClassVar[str] = "train"

    stage: Literal["train"]
