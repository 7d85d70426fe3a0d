"""What one run has left on the shared volume, as far as the pages need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.settings.weights_origins import ORIGINS, WeightsOrigin
from cxr_tasks.statistics.figures_record import Basis, Estimate

Measure = Literal["accuracy", "roc_auc"]
UNDEFINED = Estimate(value=None, interval=None)
"""Of a variant that has no figures."""


@dataclass(frozen=True)
class VariantFacts:
    """What a report says of one variant; the figures are those of its headline."""

    status: Literal["ok", "failed", "skipped"]
    accuracy: Estimate = UNDEFINED
    roc_auc: Estimate = UNDEFINED
    train_seconds: float | None = None

    def figure(self, measure: Measure) -> Estimate:
        """Return one of its figures, undefined where it has none."""
        return self.accuracy if measure == "accuracy" else self.roc_auc


@dataclass(frozen=True)
class ReportFacts:
    """What a finished report says."""

    profile: str
    data: str
    data_fingerprint: str
    n_images: int
    synthetic: bool
    basis: Basis  # which part was scored: val, test or oof (out of fold)
    split_digest: str  # of the file that says which image is in which part
    weights_origin: str  # where the backbones' weights came from, by its name in `ORIGINS`
    verdict: VerdictName
    sentence: str
    recommended: str | None  # the variant to take; None where none is better than chance
    variants: Mapping[str, VariantFacts]

    @property
    def tags(self) -> tuple[str, ...]:
        """The labels that its numbers are never shown without."""
        return tuple(filter(None, ("synthetic" if self.synthetic else "", self._origin.tag)))

    @property
    def weights_note(self) -> str:
        """What has to be known of where the backbones started; empty where nothing has."""
        return self._origin.note

    @property
    def _origin(self) -> WeightsOrigin:
        return ORIGINS.get(self.weights_origin, ORIGINS["none"])  # of a later version: unknown

    @property
    def measured_on(self) -> tuple[str, str]:
        """What two runs must share for their figures to be of one kind: data and part."""
        return self.data_fingerprint, self.basis


@dataclass(frozen=True)
class FailedStage:
    """How a stage failed, or was stopped by a person, while it has not succeeded since."""

    stage: str
    message: str
    stopped: bool = False


@dataclass(frozen=True)
class Sign:
    """The last thing that a run was seen to do; `ended` where its stage has ended with it."""

    at: float
    text: str
    ended: bool = False


@dataclass(frozen=True)
class RunFacts:
    """One run, finished or not."""

    key: str  # its folder's name
    started: float  # when it began, in seconds since 1970
    problem: str = ""  # what of it cannot be read; empty if all can
    config: Mapping[str, Any] = field(default_factory=dict)  # its settings
    report: ReportFacts | None = None  # None where it has none
    failures: tuple[FailedStage, ...] = ()
    last_sign: Sign | None = None
    unchanged_since: str = ""  # an earlier run whose results are this one's too
    # what became of its model: promoted, retired since, kept, refused; empty if that is not known
    decision: str = ""
    reason: str = ""  # why
    version: str = ""  # of the champion, where its model was promoted

    @property
    def is_cut_off(self) -> bool:
        """Whether a stage was in the middle of its work when it was seen last."""
        return self.last_sign is not None and not self.last_sign.ended

    @property
    def duration_seconds(self) -> float | None:
        """From the first thing it did to the last; None if that is unknown."""
        return self.last_sign.at - self.started if self.last_sign else None
