"""What one run has left on the shared volume, as far as the pages need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.settings.weights_origins import ORIGINS, WeightsOrigin
from cxr_tasks.statistics.figures_record import Basis, Estimate

Measure = Literal["accuracy", "roc_auc", "sensitivity", "specificity"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
State = Literal["finished", "failed", "stopped", "under way", "cut off", "ended early", "damaged"]
UNDEFINED = Estimate(value=None, interval=None)
"""Of a variant that has no figures."""


@dataclass(frozen=True)
class VariantFacts:
    """What a report says of one variant; the figures are those of its headline."""

    status: Literal["ok", "failed", "skipped"]
    accuracy: Estimate = UNDEFINED
    roc_auc: Estimate = UNDEFINED
    sensitivity: Estimate = UNDEFINED
    specificity: Estimate = UNDEFINED
    train_seconds: float | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it was trained and measured."""
        return self.status == "ok"

    def figure(self, measure: Measure) -> Estimate:
        """Return one of its figures, undefined where it has none."""
        figure: Estimate = getattr(self, measure)
        return figure


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


WAITS = "waits for approval"
"""What has become of a model that a person is asked about."""


@dataclass(frozen=True)
class FailedStage:
    """How a stage failed, or was stopped by a person, while it has not succeeded since."""

    stage: str
    message: str
    stopped: bool = False


@dataclass(frozen=True)
class Sign:
    """The last thing that a run was seen to do; `ended` where its stage has ended with it.

    `given_back` where that was with its worker, so that another goes on.
    """

    at: float
    text: str
    ended: bool = False
    given_back: bool = False


@dataclass(frozen=True)
class Said:
    """What a person said of a run."""

    text: str
    tags: tuple[str, ...]
    by: str
    at: str  # ISO 8601
    seconds: float  # the same, since 1970


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
    # what became of its model: promoted, retired since, kept, refused, or that it waits for a
    # person's approval (`WAITS`); empty if that is not known
    decision: str = ""
    reason: str = ""  # why
    version: str = ""  # of the champion, where its model was promoted
    said: Said | None = None  # a person's note and tags
    at_work: bool = False  # whether a process works on it

    @property
    def profile(self) -> str:
        """Its profile, as far as it is known."""
        return self.report.profile if self.report else self._setting("profile")

    @property
    def source(self) -> str:
        """Where its images come from, by the setting of that name."""
        return self._setting("source")

    @property
    def state(self) -> State:
        """What has become of it."""
        if self.problem:
            return "damaged"
        if self.unchanged_since:
            return "ended early"
        if (self.at_work or self._is_given_back) and self.report is None:
            return "under way"
        if self.failures:
            stopped = all(failure.stopped for failure in self.failures)
            return "stopped" if stopped else "failed"
        return "finished" if self.report else "cut off"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that failed or, of a run without a report, the one it was seen at last."""
        if self.failures:
            return tuple(dict.fromkeys(each.stage.split(" ")[0] for each in self.failures))
        if self.report is None and self.last_sign and not self.unchanged_since:
            return (self.last_sign.text.partition(":")[0].split(" ")[0],)
        return ()

    def _setting(self, name: str) -> str:
        value = self.config.get(name)
        return value if isinstance(value, str) else ""

    @property
    def _is_given_back(self) -> bool:
        return self.last_sign is not None and self.last_sign.given_back

    @property
    def is_cut_off(self) -> bool:
        """Whether a stage was in the middle of its work when it was seen last."""
        return self.last_sign is not None and not self.last_sign.ended

    @property
    def duration_seconds(self) -> float | None:
        """From the first thing it did to the last; None if unknown, as by a clock set back."""
        if self.last_sign is None or self.last_sign.at < self.started:
            return None
        return self.last_sign.at - self.started
