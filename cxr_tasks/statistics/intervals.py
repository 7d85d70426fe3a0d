"""Intervals by a formula, which take what they count as independent: of proportions, of AUC."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, rankdata

from cxr_tasks.statistics.scores import FloatArray, IntArray

CONFIDENCE = 0.95
_Z = float(norm.ppf(0.5 + CONFIDENCE / 2))


def wilson(n_successes: int, n_trials: int) -> list[float] | None:
    """Return the 95 % interval of a proportion; None where nothing was tried.

    Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if n_trials == 0:
        return None
    interval = binomtest(n_successes, n_trials).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def delong_interval(labels: IntArray, scores: FloatArray) -> list[float] | None:
    """Return the 95 % interval of an area under the ROC curve, on the logit scale.

    DeLong et al. 1988, doi 10.2307/2531595. On the logit scale the interval stays in [0, 1]
    (Qin & Hotilovac 2008, doi 10.1177/0962280207087173). None where the area is 0, 1 or
    undefined: the method then sees no variance at all.
    """
    if not _has_both(labels):
        return None
    areas, covariance = _areas(labels, scores[None, :])
    area, variance = float(areas[0]), float(covariance[0, 0])
    if variance <= 0 or not 0 < area < 1:
        return None
    reach = _Z * math.sqrt(variance) / (area * (1 - area))
    return [float(expit(logit(area) - reach)), float(expit(logit(area) + reach))]


def newcombe_interval(area: float, n_covid: int, n_normal: int) -> list[float]:
    """Return the 95 % interval of an area under the ROC curve from the area and two numbers.

    Newcombe 2006, doi 10.1002/sim.2324, method 5: all areas whose own variance, by the formula of
    Hanley & McNeil 1982 (doi 10.1148/radiology.143.1.7063747), does not rule the measured one out.
    Unlike DeLong's and a bootstrap's it says how far an area of 0 or 1 is to be trusted.
    """
    others = (n_covid + n_normal) / 2 - 1

    def surplus(true: float) -> float:
        alike = (1 - true) / (2 - true) + true / (1 + true)
        variance = true * (1 - true) * (1 + others * alike) / (n_covid * n_normal)
        return (area - true) ** 2 - _Z**2 * variance

    near = 1e-12  # beside an area of 0 or 1, where the surplus is 0 as well
    low = brentq(surplus, 0, area - near) if area > near else 0.0
    high = brentq(surplus, area + near, 1) if area < 1 - near else 1.0
    return [float(low), float(high)]


def delong_p(labels: IntArray, first: FloatArray, second: FloatArray) -> float | None:
    """Test whether two scores of the same images have the same area under the ROC curve.

    Returns:
        The two-sided p; 1 where the scores order the images alike, None where the area is
        undefined or has no variance.
    """
    if not _has_both(labels):
        return None
    areas, covariance = _areas(labels, np.stack([first, second]))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 1e-15:
        return 1.0 if difference == 0 else None
    return float(2 * norm.sf(abs(difference) / math.sqrt(variance)))


def _has_both(labels: IntArray) -> bool:
    # one image of a class has no variance
    return min(int((labels == 1).sum()), int((labels == 0).sum())) > 1


def _areas(labels: IntArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the areas of several scores, shape (k, n), and their covariance, (k, k).

    By midranks, in n log n: Sun & Xu 2014, doi 10.1109/LSP.2014.2337313.
    """
    covid, normal = scores[:, labels == 1], scores[:, labels == 0]
    m, n = covid.shape[1], normal.shape[1]
    among_all = rankdata(np.concatenate([covid, normal], axis=1), axis=1)
    of_covid = (among_all[:, :m] - rankdata(covid, axis=1)) / n
    of_normal = 1 - (among_all[:, m:] - rankdata(normal, axis=1)) / m
    covariance = np.atleast_2d(np.cov(of_covid)) / m + np.atleast_2d(np.cov(of_normal)) / n
    return of_covid.mean(axis=1), covariance
