"""What a positive or negative call means where the disease is as frequent as stated."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cxr_tasks.statistics.rates import number, rates_of
from cxr_tasks.statistics.resampling import Resamples, confusion_of, percentile_interval, resampled
from cxr_tasks.statistics.scored import FloatArray, IntArray


def predictive_values(
    sensitivity: FloatArray, specificity: FloatArray, *, prevalence: float
) -> tuple[FloatArray, FloatArray]:
    """Give positive and negative predictive values by Bayes' theorem.

    A data set's own share of COVID-19 says nothing of the share among those to be examined, so
    that values counted in it would mean nothing elsewhere.

    Args:
        sensitivity: Any shape; in [0, 1], NaN where unknown.
        specificity: The same shape.
        prevalence: Fraction that has the disease, in (0, 1).

    Returns:
        The fraction of positive calls that have the disease, and of negative calls that have
        not; NaN where no call of that kind is made.
    """
    true_positive, false_negative = sensitivity * prevalence, (1 - sensitivity) * prevalence
    true_negative = specificity * (1 - prevalence)
    false_positive = (1 - specificity) * (1 - prevalence)
    return (
        _share(true_positive, true_positive + false_positive),
        _share(true_negative, true_negative + false_negative),
    )


def describe_predictive_values(
    labels: IntArray,
    predictions: IntArray,
    resamples: Resamples,
    *,
    rates: Mapping[str, Any],
    prevalence: float,
) -> dict[str, Any]:
    """Measure both values of calls, each with its interval over groups.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        predictions: Shape (n,); 1 is a call of COVID-19.
        resamples: Draws of the images' groups.
        rates: What `measure_rates` gives for them.
        prevalence: Fraction that has the disease, in (0, 1).
    """
    count = confusion_of(labels, predictions)
    values, drawn = (
        predictive_values(each["sensitivity"], each["specificity"], prevalence=prevalence)
        for each in (
            rates_of(count(np.ones((1, len(labels))))),
            rates_of(resampled(resamples, count)),
        )
    )
    reach = _reach(rates, prevalence=prevalence)
    return {
        name: {
            "value": number(value[0]),
            "interval": percentile_interval(each) if value[0] not in (0.0, 1.0) else bounds,
        }
        for name, value, each, bounds in zip(("ppv", "npv"), values, drawn, reach, strict=True)
    }


def _reach(
    rates: Mapping[str, Any], *, prevalence: float
) -> tuple[list[float], list[float]] | tuple[None, None]:
    """Give the values at both lower and both upper ends of sensitivity and specificity.

    For where the bootstrap sees no error: both values rise with both rates.
    """
    ends = [rates[name]["interval"] for name in ("sensitivity", "specificity")]
    if None in ends:
        return None, None
    ppv, npv = predictive_values(*map(np.asarray, ends), prevalence=prevalence)
    return ppv.tolist(), npv.tolist()


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    share: FloatArray = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
