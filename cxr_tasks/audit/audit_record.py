"""`audit.json`: what else than disease could tell the classes of a run's data apart."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.volume.record_model import Facts, Interval, PeakMemory, StageRecord

Severity = Literal["error", "warning", "info"]
"""The gravest first: data are wrong; scores mislead; to know."""

Role = Literal["control", "reassurance", "machinery", "reference"]

Both = Annotated[list[str], Field(min_length=2, max_length=2)]


class FindingFacts(Facts):
    """One finding."""

    check: str
    """Name of what was looked at."""
    severity: Severity
    message: str
    """What was found, for a person."""
    value: int | float | None
    """The number it is about, where there is one."""
    interval: Interval | None
    """Its 95 % interval, where there is one."""


def finding(
    check: str,
    severity: Severity,
    message: str,
    *,
    value: float | None = None,
    interval: list[float] | None = None,
) -> FindingFacts:
    """Build a finding; without a number that it is about, it says so."""
    return FindingFacts(
        check=check, severity=severity, message=message, value=value, interval=interval
    )


def gravest_first(findings: list[FindingFacts]) -> list[FindingFacts]:
    """Order findings by severity; those of one severity keep their order."""
    return sorted(findings, key=lambda each: get_args(Severity).index(each.severity))


class TellingFeature(Facts):
    """A quantity that orders the images by class, in either direction."""

    feature: str
    auc: float


class Control(Facts):
    """One question to the data."""

    title: str
    """What it is called in a report."""
    asks: str
    role: Role
    """`control`: an answer above chance is a finding. `reassurance`: it is good news. `machinery`:
    it would be a fault of this test. `reference`: for comparison."""
    in_picture: bool = True
    """Whether an image can show it. What none shows, no model has learned: it warns, and is never
    called a shortcut."""


class ControlFacts(Control):
    """How well the label is predicted by what is not the lungs."""

    n_features: int | None
    auc: float
    interval: Interval | None
    accuracy: float | None
    p_value: float | None
    p_holm: float | None
    above_chance: bool
    by_feature: list[TellingFeature]


class CopyPair(Facts):
    """Two images that are copies: of the same `bytes` or `pixels`, or `near`."""

    first: str
    second: str
    kind: Literal["bytes", "pixels", "near"]
    labels: Annotated[list[int], Field(min_length=2, max_length=2)]
    parts: Both


class CopiesFacts(Facts):
    """Pairs of copies; `pairs` has the gravest."""

    n_exact: int
    n_near: int
    n_across_labels: int
    n_across_split: int
    pairs: list[CopyPair]


class PatientsFacts(Facts):
    """Patients that are known, and those in several parts of the split."""

    n_known: int
    n_across_split: int
    n_images_across_split: int
    examples: list[str]


class SourceCounts(Facts):
    """Images of one source."""

    source: str
    n_covid: int
    n_normal: int


class SourcesFacts(Facts):
    """Where images are from, and the sources that give one class only."""

    known_fraction: ByClass[float]
    n_sources: int
    n_one_class: int
    n_images_in_one_class_sources: int
    examples: list[SourceCounts]


class LungsFacts(Facts):
    """Whence the lungs of the images are known that the controls take out."""

    n_given: int
    """Masks that came with the data."""
    n_segmented: int
    n_not_found: ByClass[int]
    """Images in which a rectangle stands for the lungs."""
    quality: float | None
    """Mean estimate of the segmented ones, in [0, 1]."""


class AuditFacts(Facts):
    """The audit; `controls` is empty where too few groups have one label."""

    n_images: int
    n_groups: int
    n_folds: int
    n_permutations: int
    n_excluded_images: int
    controls: dict[str, ControlFacts]
    duplicates: CopiesFacts
    patients: PatientsFacts
    sources: SourcesFacts
    lungs: LungsFacts | None = None
    findings: list[FindingFacts]
    drift: DriftFacts | None = None
    weights_origin: str = "none"
    learning_curve: LearningCurveFacts | None = None
    """None without a backbone, and in older files."""


class AuditRecord(PeakMemory, AuditFacts, StageRecord):
    """The finished stage `audit`."""

    FILE: ClassVar[str] = "audit.json"
    COMMAND: ClassVar[str] = "audit"

    stage: Literal["audit"]
