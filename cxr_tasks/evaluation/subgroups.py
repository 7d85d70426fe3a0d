"""Who it works for: the variants by sex, age, view, device, hospital and source."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.evaluation.subgroup_values import FIELDS, MIN_GROUPS, has_enough, values_of
from cxr_tasks.evaluation.subgroups_record import (
    Measure,
    Subgroup,
    SubgroupField,
    SubgroupFigures,
    SubgroupsFacts,
    SubgroupTest,
)
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.statistics.metrics import measure_calls
from cxr_tasks.statistics.resampling import (
    Resamples,
    estimate,
    estimate_auc,
    group_resamples,
    mean_of,
)
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray, ScoredImages, predict
from cxr_tasks.statistics.significance import SIGNIFICANCE, holm
from cxr_tasks.statistics.subgroup_tests import N_PERMUTATIONS, auc_test, mean_test
from cxr_tasks.wording import decimal, one_line, p_compared, percent

MAX_SUBGROUPS = 8
"""That are listed of a field; those that are left out are counted."""

N_RESAMPLES = 1000
"""Of each subgroup and variant, of which there may be a hundred."""

_MINUS = "\N{MINUS SIGN}"
_PREVALENCE = 0.5  # of predictive values, which are not used here
MEASURE_NAMES: dict[Measure, str] = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "roc_auc": "AUC",
    "calibration": "Calibration",
}


@dataclass(frozen=True)
class Scored:
    """What subgroups are looked for in."""

    index: pd.DataFrame  # what is known of the images of the basis, a row each
    by_variant: Mapping[str, ScoredImages]  # all of these images, in this order
    about: str  # the variant that is shown, and tested
    seed: int  # decides resamples and permutations
    n_resamples: int = N_RESAMPLES  # for each interval

    @property
    def shown(self) -> ScoredImages:
        """The scores of the variant that is shown."""
        return self.by_variant[self.about]


def make_subgroups(scored: Scored) -> SubgroupsFacts:
    """Measure every variant in every subgroup, and test where the one that is shown differs.

    Every further test is another chance to find a difference by luck. So only one variant is
    tested, and Holm's correction is over all its tests.
    """
    fields = [found for name in FIELDS if (found := _field(name, scored)) is not None]
    fields = _corrected(fields)
    n_tests = sum(len(field.tests) for field in fields)
    findings = [
        _finding(field.title, test, n_tests)
        for field in fields
        for test in field.tests
        if test.found
    ]
    return SubgroupsFacts(
        variant=scored.about,
        min_groups=MIN_GROUPS,
        n_permutations=N_PERMUTATIONS,
        n_tests=n_tests,
        fields=fields,
        findings=findings,
        sentence=_sentence(fields, findings, n_tests),
    )


def _field(name: str, scored: Scored) -> SubgroupField | None:
    """Measure one field; None where it is known of no image."""
    shown = scored.shown
    values = values_of(scored.index, name, shown.labels, shown.groups).to_numpy(str)
    if (values == "").all():
        return None
    enough, few = _by_number(values, shown)
    n_few = max(0, MAX_SUBGROUPS - len(enough))
    listed = [*enough, *few[:n_few]]
    if name == "age":
        listed.sort(key=lambda band: (not band.startswith("under"), band))
    subgroups = [_subgroup(each, values == each, scored) for each in listed]
    figures = {each.value: each.figures[scored.about] for each in subgroups if each.figures}
    return SubgroupField(
        name=name,
        title=FIELDS[name],
        n_unknown=int((values == "").sum()),
        subgroups=subgroups,
        n_more_values=len(few[n_few:]),
        n_more_images=int(np.isin(values, few[n_few:]).sum()),
        tests=_tests(shown, values, figures, seed=scored.seed),
    )


def _by_number(values: NDArray[np.str_], scored: ScoredImages) -> tuple[list[str], list[str]]:
    """Return the subgroups with enough images, and the others, each the largest first."""
    names, counts = np.unique(values[values != ""], return_counts=True)
    both: tuple[list[str], list[str]] = ([], [])
    for name in names[np.argsort(-counts, kind="stable")]:
        inside = values == name
        both[not has_enough(scored.labels[inside], scored.groups[inside])].append(str(name))
    return both


def _subgroup(value: str, inside: BoolArray, scored: Scored) -> Subgroup:
    labels, groups = scored.shown.labels[inside], scored.shown.groups[inside]
    figures = {}
    if has_enough(labels, groups):
        resamples = group_resamples(
            labels, groups, n_resamples=scored.n_resamples, seed=scored.seed
        )
        figures = {
            name: _figures(labels, each.scores[inside], resamples)
            for name, each in scored.by_variant.items()
        }
    return Subgroup(
        value=value,
        n_images=len(labels),
        n_groups=len(np.unique(groups)),
        n_covid=int((labels == 1).sum()),
        n_normal=int((labels == 0).sum()),
        figures=figures,
    )


def _figures(labels: IntArray, scores: FloatArray, resamples: Resamples) -> SubgroupFigures:
    rates, _ = measure_calls(labels, predict(scores), resamples, prevalence=_PREVALENCE)
    return SubgroupFigures(
        sensitivity=rates["sensitivity"].only(Estimate),
        specificity=rates["specificity"].only(Estimate),
        roc_auc=estimate_auc(labels, scores, resamples),
        calibration=estimate(mean_of(labels - scores), resamples),
    )


def _tests(
    scored: ScoredImages,
    values: NDArray[np.str_],
    shown: Mapping[str, SubgroupFigures],
    *,
    seed: int,
) -> list[SubgroupTest]:
    """Test each measure over the subgroups that are shown; not yet corrected.

    Args:
        scored: The variant's scores.
        values: The subgroup of each image.
        shown: The variant's figures in each of them.
        seed: Decides the permutations.
    """
    if len(shown) < 2:
        return []
    names = list(shown)
    inside = np.isin(values, names)
    codes = np.array([names.index(str(each)) for each in values[inside]])
    labels, scores, groups = scored.labels[inside], scored.scores[inside], scored.groups[inside]
    right = (predict(scores) == labels).astype(np.float64)
    covid, normal = labels == 1, labels == 0
    p_values: dict[Measure, float] = {
        "sensitivity": mean_test(right[covid], codes[covid], groups[covid], seed=seed),
        "specificity": mean_test(right[normal], codes[normal], groups[normal], seed=seed),
        "roc_auc": auc_test(labels, scores, codes, groups, seed=seed),
        "calibration": mean_test(labels - scores, codes, groups, seed=seed),
    }
    return [_test(measure, p_value, shown) for measure, p_value in p_values.items()]


def _test(measure: Measure, p_value: float, shown: Mapping[str, SubgroupFigures]) -> SubgroupTest:
    values = {name: getattr(each, measure).value or 0.0 for name, each in shown.items()}
    lowest, highest = (choose(values, key=lambda name: values[name]) for choose in (min, max))
    return SubgroupTest(
        measure=measure,
        lowest=lowest,
        highest=highest,
        low=values[lowest],
        high=values[highest],
        p_value=p_value,
        p_holm=p_value,
        found=False,
    )


def _corrected(fields: list[SubgroupField]) -> list[SubgroupField]:
    """Correct the tests of all fields for being several."""
    p_holm = iter(holm([test.p_value for field in fields for test in field.tests]))

    def correct(test: SubgroupTest) -> SubgroupTest:
        p = next(p_holm)
        return test.model_copy(update={"p_holm": p, "found": p < SIGNIFICANCE})

    return [
        field.model_copy(update={"tests": [correct(test) for test in field.tests]})
        for field in fields
    ]


def _finding(title: str, test: SubgroupTest, n_tests: int) -> str:
    if test.measure in ("sensitivity", "specificity"):
        low, high = percent(test.low), percent(test.high)
    else:
        low, high = (decimal(each).replace("-", _MINUS) for each in (test.low, test.high))
    return (
        f"{MEASURE_NAMES[test.measure]} differs by {title}: {low} ({one_line(test.lowest, 40)}) "
        f"against {high} ({one_line(test.highest, 40)}), p {p_compared(test.p_holm)} after Holm's "
        f"correction over {n_tests} tests."
    )


def _sentence(fields: list[SubgroupField], findings: list[str], n_tests: int) -> str:
    if not fields:
        return (
            "Nothing is known of the patients' sex and age, nor of view, device, hospital and "
            "source, so who it works for cannot be said. A patients file can name them."
        )
    if not n_tests:
        return (
            f"No field has two subgroups with {MIN_GROUPS} patients or groups of each class, so "
            "that none can be compared."
        )
    if findings:
        return " ".join(findings)
    return (
        f"No difference between subgroups is shown, in {n_tests} tests. That does not make them "
        "equal."
    )
