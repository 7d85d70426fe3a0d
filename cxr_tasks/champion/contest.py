"""Champion against challenger on the same images, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import t as t_distribution

from cxr_tasks.champion.challenges import LEVEL
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
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray, predict
from cxr_tasks.wording import decimal, decimals, signed

Facts = dict[str, Any]
Outcome = Literal["better", "not shown to be better", "worse"]

MIN_IMAGES_PER_CLASS = 25
"""And as many patients or groups: below, a bootstrap over groups says little."""

RULE = (
    "Only a complete, audited run on real images can be promoted, with split grouped (or profile "
    "honest), test or out-of-fold figures, a recommended variant above chance, and no verdict "
    "'shortcut' (unless allow_shortcut is set). Challenger and champion are compared on images of "
    "the new data that neither has seen, nor any image of the same patient or group: the "
    "challenger by its out-of-fold or test probability; the champion by its own, where the image "
    "is in its data, else by its saved model. At least "
    f"{MIN_IMAGES_PER_CLASS} images of each class, of as many patients or groups, are needed. "
    "The Brier score of the calibrated probabilities decides, since no model can gain by giving "
    "other probabilities than it believes (Gneiting & Raftery 2007, "
    "doi 10.1198/016214506000001437): better, when the 95 % interval of champion minus "
    "challenger, paired and bootstrapped over groups, is above 0, and that of the AUC, challenger "
    "minus champion, is not below 0; worse, when either interval is on the wrong side of 0. "
    "Better is promoted, worse is refused, and else the champion is kept. Each challenge is "
    "another chance of a false promotion: with challenge_level spent, the interval of the Brier "
    "score at the challenge's own level (5 % x 6 / (pi^2 k^2) for the champion's k-th, 5 % over "
    "all of them; Robertson, Wason & Ramdas 2023, doi 10.1214/23-STS901) has to be above 0 too."
)


@dataclass(frozen=True)
class Answers:
    """What a model says of the compared images.

    Attributes:
        probabilities: Of COVID-19, calibrated by the model's own temperature; shape (n,).
        decisions: 1 is a call of COVID-19 at the model's own cut-off; shape (n,).
    """

    probabilities: FloatArray
    decisions: IntArray


@dataclass(frozen=True)
class Contest:
    """Two models on images that neither has seen.

    Attributes:
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient, or copies, share a number.
        challenger: What the challenger says.
        champion: What the champion says.
    """

    labels: IntArray
    groups: IntArray
    challenger: Answers
    champion: Answers

    def size(self) -> Facts:
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
    """Say whether a class has too few images, or they are of too few patients or groups."""
    # a class has never more groups than images
    return min(size["n_covid_groups"], size["n_normal_groups"]) < MIN_IMAGES_PER_CLASS


def compare(contest: Contest, *, seed: int, level: float = LEVEL) -> Facts:
    """Measure both models on the same images; `brier` and `auc` decide, the rest informs.

    Args:
        contest: Images of both classes.
        seed: Decides the resamples.
        level: Of this challenge.

    Returns:
        `brier` and `auc`, each with both values, their `difference` (above 0: the challenger is
        better), its paired 95 % `interval` over groups, and the `interval_at_level` of this
        challenge, which is the same where that is 5 %; `accuracy` at 0.5; `sensitivity` and
        `specificity` at each model's own cut-off; `right`, a test of `accuracy` over groups.
    """
    labels = contest.labels
    resamples = group_resamples(labels, contest.groups, seed=seed)
    both = {"challenger": contest.challenger, "champion": contest.champion}
    briers = {who: mean_of((each.probabilities - labels) ** 2) for who, each in both.items()}
    aucs = {who: auc_of(labels, each.probabilities) for who, each in both.items()}
    rates = {who: _rates(labels, each.decisions) for who, each in both.items()}
    right = {who: predict(each.probabilities) == labels for who, each in both.items()}
    return {
        "brier": _paired(briers, resamples, sign=-1, level=level),
        "auc": _paired(aucs, resamples, sign=1, level=level),
        "accuracy": {who: float(each.mean()) for who, each in right.items()},
        "sensitivity": {who: each["sensitivity"] for who, each in rates.items()},
        "specificity": {who: each["specificity"] for who, each in rates.items()},
        "right": _compare_right(right["challenger"], right["champion"], contest.groups),
    }


def outcome(comparison: Mapping[str, Any]) -> Outcome:
    """Judge a comparison by the rule; an undefined interval shows nothing."""
    brier, auc = (comparison[figure]["interval"] for figure in ("brier", "auc"))
    if (brier and brier[1] < 0) or (auc and auc[1] < 0):
        return "worse"
    at_level = comparison["brier"]["interval_at_level"]
    is_better = brier and brier[0] > 0 and at_level[0] > 0
    return "better" if is_better else "not shown to be better"


def figures_sentence(comparison: Mapping[str, Any]) -> str:
    """Say the two figures that decide, with their intervals."""
    brier, auc = comparison["brier"], comparison["auc"]
    return (
        f"Brier score {decimal(brier['challenger'])}, the champion's {decimal(brier['champion'])} "
        f"(gain {signed(brier['difference'])}, 95 % interval {decimals(brier['interval'])}); "
        f"AUC {decimal(auc['challenger'])}, the champion's {decimal(auc['champion'])} (gain "
        f"{signed(auc['difference'])}, {decimals(auc['interval'])})."
    )


def _paired(
    statistics: Mapping[str, Statistic], resamples: Resamples, *, sign: int, level: float
) -> Facts:
    """Compare a figure of both models; `sign` is -1 where a lower figure is better."""
    of_challenger, of_champion = statistics["challenger"], statistics["champion"]

    def gain(weights: FloatArray) -> FloatArray:
        return sign * (of_challenger(weights) - of_champion(weights))

    everyone = np.ones((1, len(resamples.members)))
    gains, difference = resampled(resamples, gain), number(gain(everyone)[0])
    interval = percentile_interval(gains)
    return {
        **{who: number(each(everyone)[0]) for who, each in statistics.items()},
        "difference": difference,
        "interval": interval,
        "interval_at_level": (
            interval
            if interval is None or difference is None or level == LEVEL
            else _t_interval(difference, gains, resamples, level=level)
        ),
    }


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


def _compare_right(challenger: BoolArray, champion: BoolArray, groups: IntArray) -> Facts:
    found = sign_flip_test(challenger, champion, groups)
    return {
        "n_only_challenger_right": found["n_only_first_right"],
        "n_only_champion_right": found["n_only_second_right"],
        "p_value": found["p_value"],
        "test": SIGN_FLIP_TEST,
    }
