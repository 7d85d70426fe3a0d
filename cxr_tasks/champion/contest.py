"""Champion against challenger on the same images, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as t_distribution

from cxr_tasks.champion.challenges import LEVEL
from cxr_tasks.champion.promotion_record import BothModels, ContestFigures, PairedFigure, RightTest
from cxr_tasks.statistics.exact_tests import SIGN_FLIP_TEST, sign_flip_test
from cxr_tasks.statistics.metrics import rates_of
from cxr_tasks.statistics.resampling import (
    Resamples,
    Statistic,
    auc_of,
    confusion_of,
    group_resamples,
    mean_of,
    number,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scores import FloatArray, IntArray, predict

Conclusion = Literal["better", "not shown to be better", "worse"]

MIN_IMAGES_PER_CLASS = 25
"""And as many patients or groups: below, a bootstrap over groups says little."""


@dataclass(frozen=True)
class Answers:
    """A model's answers for the compared images."""

    probabilities: FloatArray  # of COVID-19, calibrated by the model's own temperature; shape (n,)
    decisions: IntArray  # 1 is a call of COVID-19 at the model's own cut-off; shape (n,)


@dataclass(frozen=True)
class Contest:
    """Two models on images that neither has seen."""

    labels: IntArray  # shape (n,); 1 is COVID-19
    groups: IntArray  # shape (n,); images of one patient, or copies, share a number
    challenger: Answers
    champion: Answers

    def size(self) -> dict[str, int]:
        """Count images and groups, in all and of each class."""
        covid, normal = self.labels == 1, self.labels == 0
        return {
            "n_images": len(self.labels),
            "n_covid": int(covid.sum()),
            "n_normal": int(normal.sum()),
            "n_groups": len(np.unique(self.groups)),
            "n_covid_groups": len(np.unique(self.groups[covid])),
            "n_normal_groups": len(np.unique(self.groups[normal])),
        }


def is_too_small(size: Mapping[str, int]) -> bool:
    """Return whether a class has too few images, or they are of too few patients or groups."""
    # a class has never more groups than images
    return min(size["n_covid_groups"], size["n_normal_groups"]) < MIN_IMAGES_PER_CLASS


def compare(contest: Contest, *, seed: int, level: float = LEVEL) -> ContestFigures:
    """Measure both models on the same images; `brier` and `auc` decide, the rest informs.

    Args:
        contest: Images of both classes.
        seed: Decides the resamples.
        level: Of this challenge.

    Returns:
        `brier` and `auc`, each with its paired 95 % `interval` over groups, and the
        `interval_at_level` of this challenge, which is the same where that is 5 %; `accuracy` at
        0.5; the rates at each model's own cut-off; `right`, a test of `accuracy` over groups.
    """
    labels = contest.labels
    resamples = group_resamples(labels, contest.groups, seed=seed)
    both = {"challenger": contest.challenger, "champion": contest.champion}
    briers = {who: mean_of((each.probabilities - labels) ** 2) for who, each in both.items()}
    aucs = {who: auc_of(labels, each.probabilities) for who, each in both.items()}
    rates = {who: _rates(labels, each.decisions) for who, each in both.items()}
    right = {who: predict(each.probabilities) == labels for who, each in both.items()}
    signs = sign_flip_test(right["challenger"], right["champion"], contest.groups)
    return ContestFigures(
        brier=_paired(briers, resamples, sign=-1, level=level),
        auc=_paired(aucs, resamples, sign=1, level=level),
        accuracy=BothModels[float](**{who: float(each.mean()) for who, each in right.items()}),
        sensitivity=_both(rates, "sensitivity"),
        specificity=_both(rates, "specificity"),
        right=RightTest(
            n_only_challenger_right=signs.n_only_first_right,
            n_only_champion_right=signs.n_only_second_right,
            p_value=signs.p_value,
            test=SIGN_FLIP_TEST,
        ),
    )


def conclude(figures: ContestFigures) -> Conclusion:
    """Conclude from a contest's figures by the rule; an undefined interval shows nothing."""
    brier, auc, at_level = (
        figures.brier.interval,
        figures.auc.interval,
        figures.brier.interval_at_level,
    )
    if (brier and brier[1] < 0) or (auc and auc[1] < 0):
        return "worse"
    is_better = brier and at_level and brier[0] > 0 and at_level[0] > 0
    return "better" if is_better else "not shown to be better"


def _paired(
    statistics: Mapping[str, Statistic], resamples: Resamples, *, sign: int, level: float
) -> PairedFigure:
    """Compare a figure of both models; `sign` is -1 where a lower figure is better."""
    of_challenger, of_champion = statistics["challenger"], statistics["champion"]

    def gain(weights: FloatArray) -> FloatArray:
        return sign * (of_challenger(weights) - of_champion(weights))

    everyone = np.ones((1, len(resamples.members)))
    gains, difference = resampled(resamples, gain), number(gain(everyone)[0])
    interval = percentile_interval(gains)
    return PairedFigure(
        challenger=number(of_challenger(everyone)[0]),
        champion=number(of_champion(everyone)[0]),
        difference=difference,
        interval=interval,
        interval_at_level=(
            interval
            if interval is None or difference is None or level == LEVEL
            else _t_interval(difference, gains, resamples, level=level)
        ),
    )


def _t_interval(
    difference: float, gains: FloatArray, resamples: Resamples, *, level: float
) -> list[float]:
    """Return Student's interval at a level, with the bootstrap's standard error.

    From the sixth challenge on fewer than one of 2,000 resamples lies beyond such a level's
    quantile, so none can be read from them. Groups less classes are the degrees of freedom
    (Cameron & Miller 2015, doi 10.3368/jhr.50.2.317).
    """
    n_groups = sum(len(stratum) for stratum in resamples.strata)
    times = t_distribution.ppf(1 - level / 2, max(1, n_groups - len(resamples.strata)))
    margin = float(times * np.nanstd(gains))
    return [difference - margin, difference + margin]


def _rates(labels: IntArray, decisions: IntArray) -> dict[str, float | None]:
    counts = confusion_of(labels, decisions)(np.ones((1, len(labels))))
    return {name: number(values[0]) for name, values in rates_of(counts).items()}


def _both(rates: Mapping[str, Mapping[str, float | None]], name: str) -> BothModels[float | None]:
    return BothModels[float | None](
        challenger=rates["challenger"][name], champion=rates["champion"][name]
    )
