"""What a positive or negative call means where the disease is as frequent as stated."""

import numpy as np

from cxr_tasks.evaluation.scored import FloatArray


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


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    share: FloatArray = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
