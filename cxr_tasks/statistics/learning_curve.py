"""What more images would bring: the learning curve of a ridge on frozen features, drawn further.

The ridge of `permutation_test` is trained on growing parts of the groups, and tested on the images
of all others. Its error, 1 - AUC, is taken to fall as a power of the number of images (Cortes et
al. 1993, "Learning curves: asymptotic values and rate of convergence"; Hestness et al. 2017, arXiv
1712.00409). From one or two hundred images the power itself is hardly known, so that it is held
near what is usual, the more the less the images say. A floor that the error never passes cannot be
told from so few: as a further parameter it put the expected AUC further from the truth. How near it
comes is measured by `bench.learning_curve` and said in docs/report.md.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from cxr_tasks.statistics.learning_curve_points import (
    DELETED,
    LEAST_ERROR,
    N_DRAWS,
    Curve,
    Images,
    measure_curve,
)
from cxr_tasks.statistics.learning_curve_record import CurvePoint, ExpectedAuc, LearningCurveFacts
from cxr_tasks.statistics.scores import FloatArray, IntArray

TIMES = (1, 2, 4)
MIN_GROUPS = 15
"""Of each class."""

MAX_IMAGES = 1000
"""The curve is measured on; of more, whole groups are drawn."""

_USUAL, _USUAL_SD = 0.5, 0.2
"""Of the power. One half is what statistics' laws of error give; phantoms, easy and hard, and two
collections of radiographs gave 0.52, 0.65, 0.53 and 0.20."""
_BEYOND_SD = 0.15  # by which the power differs between few and many images, in the same curves
_Z = float(norm.ppf(0.975))

METHOD = (
    "A ridge on frozen features of whole images, trained on 25 to 80 % of the patients or groups "
    "and tested on the others. 1 - AUC is taken to fall as a power of the number of images, which "
    f"is held near {_USUAL} ± {_USUAL_SD} where the images say little about it. Intervals (95 %): "
    "a jackknife over groups, with what is not known of the power."
)


def learning_curve(
    features: FloatArray, labels: IntArray, groups: IntArray, *, seed: int
) -> LearningCurveFacts:
    """Measure how the AUC grows with the training images, and what it would be with more.

    Args:
        features: Shape (n, d), standardised and of a mean square length of 1.
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides which groups are added in which order.
    """
    rng = np.random.default_rng(seed)
    n_images, n_groups = len(labels), len(np.unique(groups))
    rows = _some_groups(groups, rng)
    facts = LearningCurveFacts(
        n_images=n_images,
        n_groups=n_groups,
        n_used=len(rows),
        n_draws=N_DRAWS,
        points=[],
        exponent=None,
        exponent_interval=None,
        expected=[],
        reason=None,
        method=METHOD,
    )
    n_least = _n_least(labels[rows], groups[rows])
    if n_least < MIN_GROUPS:
        return facts.model_copy(update={"reason": _too_few(n_least)})
    kernel = features[rows] @ features[rows].T
    curve, spread = measure_curve(Images(kernel, labels[rows], groups[rows]), rng)
    points = _points(curve, spread)
    facts = facts.model_copy(update={"points": points})
    reason = _why_nothing(points)
    if reason is not None:
        return facts.model_copy(update={"reason": reason})
    law = fit_law(curve, spread)
    reach = _Z * np.sqrt(law.covariance[1, 1])
    return facts.model_copy(
        update={
            "exponent": law.power,
            "exponent_interval": [law.power - reach, law.power + reach],
            "expected": [expect(law, times, n_images) for times in TIMES],
        }
    )


@dataclass(frozen=True)
class Law:
    """A power law: log(error) = level - power * (log(n) - centre)."""

    centre: float
    level: float
    power: float
    covariance: FloatArray  # of level and power, shape (2, 2)


def _n_least(labels: IntArray, groups: IntArray) -> int:
    """Return how many groups the class has that has fewer; one with both is of COVID-19."""
    n_groups = len(np.unique(groups))
    n_covid = len(np.unique(groups[labels == 1]))
    return min(n_covid, n_groups - n_covid)


def _too_few(n_least: int) -> str:
    return (
        f"A class has {n_least} patients or groups; {MIN_GROUPS} of each are needed to see how the "
        "AUC grows."
    )


def _some_groups(groups: IntArray, rng: np.random.Generator) -> IntArray:
    """Return the rows of all groups, or of as many as `MAX_IMAGES` allows, drawn at random."""
    if len(groups) <= MAX_IMAGES:
        return np.arange(len(groups))
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    chosen = order[np.cumsum(sizes[order]) <= MAX_IMAGES]
    return np.flatnonzero(np.isin(members, chosen))


def _points(curve: Curve, spread: list[Curve]) -> list[CurvePoint]:
    areas = logit(1 - curve.errors)
    sd = np.sqrt(_jackknife(np.array([logit(1 - each.errors) for each in spread])).diagonal())
    ends = expit(np.stack([areas - _Z * sd, areas + _Z * sd], axis=1))
    return [
        CurvePoint(n_images=round(n), auc=float(1 - error), interval=[float(low), float(high)])
        for n, error, (low, high) in zip(curve.n_images, curve.errors, ends, strict=True)
    ]


def _jackknife(values: FloatArray) -> FloatArray:
    """Return the covariance of figures from those of parts, shape (parts, figures).

    Shao & Wu 1989, doi 10.1214/aos/1176347263: parts that lack d of n groups vary too little by
    the factor d / (n - d).
    """
    covariance: FloatArray = np.cov(values.T) * (1 - DELETED) / DELETED
    return covariance


def _why_nothing(points: list[CurvePoint]) -> str | None:
    last = points[-1]
    if last.interval[0] <= 0.5:
        return (
            f"With {last.n_images} training images the features are not told from chance (AUC "
            f"{last.auc:.2f}, {last.interval[0]:.2f} to {last.interval[1]:.2f}), so there is no "
            "curve to draw further."
        )
    if last.auc >= 1 - 2 * LEAST_ERROR:
        return (
            f"The features tell the classes apart already (AUC {last.auc:.3f} with "
            f"{last.n_images} training images): what more would bring cannot be seen."
        )
    return None


def fit_law(curve: Curve, spread: list[Curve]) -> Law:
    """Fit the power law, its power a compromise of the curve's own and the usual one.

    Both are weighted by what is known of them, as of two normal observations of one quantity.
    """
    centre = float(np.log(curve.n_images).mean())
    level, power = _line(curve, centre)
    covariance = _jackknife(np.array([_line(each, centre) for each in spread]))
    covariance[1, 1] += _BEYOND_SD**2
    gain = covariance[:, 1] / (covariance[1, 1] + _USUAL_SD**2)
    level, power = np.array([level, power]) + gain * (_USUAL - power)
    # more images are not expected to harm
    return Law(centre, level, max(0.0, power), covariance - np.outer(gain, covariance[1]))


def _line(curve: Curve, centre: float) -> tuple[float, float]:
    slope, level = np.polyfit(np.log(curve.n_images) - centre, np.log(curve.errors), 1)
    return float(level), float(-slope)


def expect(law: Law, times: int, n_present: int) -> ExpectedAuc:
    """Return what a law promises of a training on so many times the present images."""
    along = np.array([1.0, law.centre - np.log(times * n_present)])
    middle = law.level + along[1] * law.power
    reach = _Z * np.sqrt(along @ law.covariance @ along)
    area, low, high = (
        max(0.5, 1 - float(np.exp(each))) for each in (middle, middle + reach, middle - reach)
    )
    return ExpectedAuc(times=times, n_images=times * n_present, auc=area, interval=[low, high])
