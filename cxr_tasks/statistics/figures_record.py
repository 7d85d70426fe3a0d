"""Figures of scores as every record has them: with intervals, None where one is undefined."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, field_serializer

from cxr_tasks.volume.record_model import Facts, Interval

Basis = Literal["oof", "test", "val"]
"""What figures are about: out-of-fold scores, or a part of the split."""

_ROUNDING = 1e-9

T = TypeVar("T")


class ByClass(Facts, Generic[T]):
    """The same of both classes."""

    covid: T
    normal: T


class Estimate(Facts):
    """A figure, None where it is undefined, with its 95 % interval over groups."""

    value: float | None
    interval: Interval | None


class AucDifference(Estimate):
    """A difference of areas under the ROC curve, with DeLong's p."""

    p_delong: float | None


class IndependentInterval(Facts):
    """An interval that takes images as independent, by `method`."""

    method: str
    interval: Interval | None


class FigureFacts(Estimate):
    """A figure, and beside its interval one that ignores groups."""

    independent: IndependentInterval | None


def _of_a_fraction(figure: FigureFacts) -> FigureFacts:
    ends = [figure.value or 0.0, *(figure.interval or [])]
    if any(not -_ROUNDING <= end <= 1 + _ROUNDING for end in ends):
        raise ValueError("a fraction lies between 0 and 1, and so does its interval")
    return figure


FractionFacts = Annotated[FigureFacts, AfterValidator(_of_a_fraction)]
"""A figure between 0 and 1, and so is its interval."""


class RateFigures(Facts):
    """What follows from the calls at the fixed threshold."""

    accuracy: FractionFacts
    balanced_accuracy: FractionFacts
    sensitivity: FractionFacts
    specificity: FractionFacts
    precision: FractionFacts
    f1: FractionFacts


class MetricFigures(RateFigures):
    """All figures of a variant that have an interval; the loss is in nats."""

    roc_auc: FractionFacts
    average_precision: FractionFacts
    loss: FigureFacts
    brier: FractionFacts


class Confusion(Facts):
    """Images by what they are and what they were called."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    def proportions(self) -> dict[str, tuple[int, int]]:
        """Return the metrics that are proportions as (part, whole), both counts of images."""
        n_positive = self.true_positive + self.false_negative
        n_negative = self.true_negative + self.false_positive
        n_right = self.true_positive + self.true_negative
        return {
            "accuracy": (n_right, n_positive + n_negative),
            "sensitivity": (self.true_positive, n_positive),
            "specificity": (self.true_negative, n_negative),
            "precision": (self.true_positive, self.true_positive + self.false_positive),
        }


class RocCurve(Facts):
    """False and true positive rates, a point each."""

    fpr: list[float]
    tpr: list[float]


class PartMeasures(Facts):
    """A variant on one part, without intervals; None where a class or a call is missing.

    `roc` is left out where the curve is not kept.
    """

    n_images: int
    n_covid: int
    n_normal: int
    accuracy: float | None
    balanced_accuracy: float | None
    loss: float
    sensitivity: float | None
    specificity: float | None
    precision: float | None
    f1: float | None
    roc_auc: float | None
    confusion: Confusion
    roc: RocCurve | None = None


class FoldMeasures(Facts):
    """A variant on the images that one fold has tested."""

    fold: int
    n_images: int
    n_covid: int
    roc_auc: float | None
    accuracy: float | None


class RepeatMeasures(Facts):
    """A variant by the scores of one division into folds alone."""

    repeat: int
    roc_auc: float | None
    accuracy: float | None


class Spread(Facts):
    """How far a figure differs where only the training's chance does."""

    n: int
    sd: float
    least: float
    most: float


class RepeatsFacts(Facts):
    """A variant's divisions into folds beside each other; None where a figure is undefined."""

    measures: list[RepeatMeasures]
    roc_auc: Spread | None
    accuracy: Spread | None


class FoldSpread(Facts):
    """What was fixed in each fold, from the lowest to the highest."""

    median: float
    least: float
    most: float


class ReliabilityBin(Facts):
    """Images of similar probability: how many, and what fraction is COVID-19."""

    n: int
    mean_score: float
    observed: float
    interval: Interval | None


class ExpectedError(Facts):
    """What the calibration error would be by chance alone."""

    mean: float
    interval: Interval


class Reliability(Facts):
    """How well probabilities are calibrated."""

    bins: list[ReliabilityBin]
    ece: float
    ece_if_calibrated: ExpectedError
    p_calibrated: float
    brier: float


class CalibrationFacts(Facts):
    """Probabilities as they come, and by the temperature of the validation images."""

    raw: Reliability
    scaled: Reliability | None
    temperature: FoldSpread | None


class OperatingPoint(Facts):
    """The calls at the cut-off that was chosen for a sensitivity."""

    min_sensitivity: float
    cutoff: FoldSpread
    confusion: Confusion
    sensitivity: FigureFacts
    specificity: FigureFacts
    ppv: Estimate
    npv: Estimate

    @field_serializer("confusion")
    def _in_the_order_of_files(self, cells: Confusion) -> dict[str, int]:
        names = ("true_positive", "false_positive", "false_negative", "true_negative")
        return {name: getattr(cells, name) for name in names}


class PredictiveValues(Facts):
    """PPV and NPV at the fixed threshold, where `prevalence` of the examined have the disease."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


class StatisticsFacts(Facts):
    """Every figure of one variant on the images of the basis."""

    n_images: int
    n_covid: int
    n_normal: int
    n_groups: int
    metrics: MetricFigures
    by_fold: list[FoldMeasures]
    calibration: CalibrationFacts
    operating_point: OperatingPoint | None
    predictive_values: PredictiveValues
    repeats: RepeatsFacts | None = None
    """None where images were divided into folds once or not at all, and in older files."""


class AgainstChance(Facts):
    """A variant against always naming the larger class."""

    chance: float = 0.5
    """The share of the larger class."""
    correlation: float = 0.0
    """Between images of one group, in [0, 1]."""
    p_value: float


class ChanceTest(AgainstChance):
    """The same beside other variants; `p_holm` is corrected for all of them."""

    test: str
    p_holm: float
    above_chance: bool


class SignFlips(Facts):
    """What only one of two variants has right, in images, with the two-sided p over groups."""

    n_only_first_right: int
    n_only_second_right: int
    p_value: float


class PairFacts(Facts):
    """Two variants on the same images; `p_holm` decides, McNemar's and DeLong's p do not.

    Differences are first minus second.
    """

    first: str
    second: str
    n_images: int
    n_groups: int = 0
    n_only_first_right: int
    n_only_second_right: int
    p_value: float
    test: str
    p_mcnemar: float
    accuracy_difference: Estimate
    auc_difference: AucDifference
    p_holm: float
    distinguishable: bool
    sentence: str
