"""Who a run's variants work for, as the comparison's record has it."""

from typing import Literal

from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.volume.record_model import Facts

Measure = Literal["sensitivity", "specificity", "roc_auc", "calibration"]


class SubgroupFigures(Facts):
    """A variant on the images of a subgroup, intervals by a bootstrap over groups.

    Rates are at the cut-off 0.5. Calibration is the observed share of COVID-19 minus the mean
    probability.
    """

    sensitivity: Estimate
    specificity: Estimate
    roc_auc: Estimate
    calibration: Estimate


class Subgroup(Facts):
    """Images with one value of a field; `figures`, by variant, is empty where they are too few."""

    value: str
    n_images: int
    n_groups: int
    n_covid: int
    n_normal: int
    figures: dict[str, SubgroupFigures]


class SubgroupTest(Facts):
    """Whether a measure of the variant that is shown differs between a field's subgroups."""

    measure: Measure
    lowest: str
    highest: str
    low: float
    high: float
    p_value: float
    p_holm: float
    found: bool


class SubgroupField(Facts):
    """One field; `n_unknown` images have no value."""

    name: str
    title: str
    n_unknown: int
    subgroups: list[Subgroup]
    n_more_values: int
    """That are not listed: each has too few images."""
    n_more_images: int
    tests: list[SubgroupTest]


class SubgroupsFacts(Facts):
    """Every field that is known of some image."""

    variant: str
    min_groups: int
    n_permutations: int
    n_tests: int
    fields: list[SubgroupField]
    findings: list[str]
    sentence: str
