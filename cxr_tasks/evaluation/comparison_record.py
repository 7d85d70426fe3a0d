"""`comparison.json`: every variant of a run, compared; and each one's `metrics.json`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cxr_tasks.data.split_record import FoldNumbers
from cxr_tasks.evaluation.explanation_record import ExplanationFacts
from cxr_tasks.evaluation.subgroups_record import SubgroupsFacts
from cxr_tasks.evaluation.verdict_record import VerdictFacts
from cxr_tasks.statistics.figures_record import (
    Basis,
    ChanceTest,
    PairFacts,
    PartMeasures,
    StatisticsFacts,
)
from cxr_tasks.training.training_record import TrainingFacts
from cxr_tasks.volume.record_model import Facts, PeakMemory, StageRecord

ScoredPart = Literal["train", "val", "test", "oof"]


class DecisionRule(Facts):
    """What turns a model's scores into calibrated probabilities and decisions."""

    temperature: float
    """By which the logits of scores are divided."""
    cutoff: float
    """At the chosen sensitivity; of scores as they come."""


class MetricsFile(Facts):
    """A variant's `metrics.json`."""

    variant: str
    basis: Basis
    parts: dict[ScoredPart, PartMeasures]
    statistics: StatisticsFacts


class UntrainedVariant(Facts):
    """A variant that failed, for the reason in `error`, or was not selected."""

    status: Literal["failed", "skipped"]
    error: str | None


class _Trained(Facts):
    status: Literal["ok"]
    error: None
    total_seconds: float
    """Of preparing and training, with all folds."""
    seconds: float
    seed: int


class _Measured(Facts):
    train: PartMeasures | None = None
    val: PartMeasures | None = None
    test: PartMeasures | None = None
    oof: PartMeasures | None = None
    statistics: StatisticsFacts
    fixed: DecisionRule | None
    """What new images are scored with; None where no images were left to fix it on."""
    explanation: ExplanationFacts | None
    """None where the backend gives no gradients."""


class TrainedVariant(_Measured, TrainingFacts, _Trained):
    """A variant with its training, its measures on every part, and its statistics."""

    def measures(self, part: ScoredPart) -> PartMeasures:
        """Return its measures on a part that it has scored."""
        found: PartMeasures | None = getattr(self, part)
        if found is None:
            raise KeyError(part)
        return found


VariantOutcome = Annotated[TrainedVariant | UntrainedVariant, Field(discriminator="status")]


class ComparedWithBest(Facts):
    """A variant against the one with the most images right."""

    p_value: float
    p_holm: float
    n_only_best_right: int
    n_only_this_right: int


class RecommendationFacts(Facts):
    """Which variant to take; `variant` is None where none is better than chance.

    `above_chance` and `p_chance`, not corrected, are of the one that is shown.
    """

    variant: str | None
    best: str
    reason: str
    rule: str = ""
    compared: dict[str, ComparedWithBest]
    chance: dict[str, ChanceTest]
    above_chance: bool
    p_chance: float

    @property
    def shown(self) -> str:
        """The variant that figures are shown of: the recommended one, or else the best."""
        return self.variant or self.best


class ExternalFacts(Facts):
    """Saved models on a second data set; `variants` is empty where a class has no images."""

    description: str
    fingerprint: str
    synthetic: bool
    n_images: int
    n_covid: int
    n_normal: int
    n_groups: int
    n_excluded_copies: int
    variants: dict[str, StatisticsFacts]


class BannerFacts(Facts):
    """A note that belongs beside every number of a run."""

    kind: str
    text: str


class ComparisonFacts(Facts):
    """A run's variants, compared on the images of the basis."""

    basis: Basis
    folds: FoldNumbers | None
    variants: dict[str, VariantOutcome]
    pairs: list[PairFacts]
    recommendation: RecommendationFacts
    external: ExternalFacts | None
    audit: VerdictFacts
    banners: list[BannerFacts]
    subgroups: SubgroupsFacts | None = None
    """None in older files."""


class ComparisonRecord(PeakMemory, ComparisonFacts, StageRecord):
    """The finished stage `evaluate`."""

    FILE: ClassVar[str] = "comparison.json"
    COMMAND: ClassVar[str] = "evaluate"

    stage: Literal["evaluate"]
