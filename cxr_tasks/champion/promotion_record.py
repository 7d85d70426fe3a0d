"""`promote.json`: whether a run's model took the champion's place, and why."""

from typing import ClassVar, Generic, Literal, TypeVar

from cxr_tasks.champion.approval_record import ApprovalFacts
from cxr_tasks.volume.record_model import Facts, Interval, PeakMemory, StageRecord

T = TypeVar("T")


class BothModels(Facts, Generic[T]):
    """The same of both models."""

    challenger: T
    champion: T


class PairedFigure(BothModels[float | None]):
    """A figure of both on the same images; above 0 the challenger is better."""

    difference: float | None
    interval: Interval | None
    interval_at_level: Interval | None = None


class RightTest(Facts):
    """What only one of both has right, in images, tested over groups."""

    n_only_challenger_right: int
    n_only_champion_right: int
    p_value: float
    test: str


class ContestFigures(Facts):
    """`brier` and `auc` decide, the rest informs."""

    brier: PairedFigure
    auc: PairedFigure
    accuracy: BothModels[float]
    sensitivity: BothModels[float | None]
    specificity: BothModels[float | None]
    right: RightTest


class ChallengeFacts(Facts):
    """Which of the champion's challenges it was."""

    challenger: str
    """Digest of the model and of its predictions: the same model with the same answers, from a
    retry or from an equal run, is no other challenge."""
    number: int
    """Its place among the challenges of this version, from 1."""
    level: float
    """Significance level of its decision."""
    spent: float
    """The levels of all challenges of this version so far, this one among them."""
    kind: str
    """`spent` or `fixed`, the run's setting `challenge_level`."""


class ContestFacts(Facts):
    """What was compared, and what was found: nothing where there were too few images."""

    champion: str
    n_images: int
    n_covid: int
    n_normal: int
    n_groups: int
    n_covid_groups: int
    n_normal_groups: int
    n_same_image: int
    n_unseen: int
    n_left_out: dict[str, int]
    n_labelled_otherwise: int
    rule: str
    figures: ContestFigures | None
    challenge: ChallengeFacts | None = None


class PromotionFacts(Facts):
    """What became of a run's model."""

    decision: Literal["promoted", "kept", "refused"]
    """`kept`: the champion stays, for lack of proof; `refused`: nothing more is asked."""
    reason: str
    variant: str | None
    """None where the run has no model to promote."""
    champion_before: str | None
    """What served before."""
    version: str | None
    """What the model is called since; None where it was not promoted."""
    comparison: ContestFacts | None
    approval: ApprovalFacts | None = None
    """None where nobody was asked, or has not answered yet."""


class PromotionRecord(PeakMemory, PromotionFacts, StageRecord):
    """The finished stage `promote`."""

    FILE: ClassVar[str] = "promote.json"
    COMMAND: ClassVar[str] = "promote"

    stage: Literal["promote"]
