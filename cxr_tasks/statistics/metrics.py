"""Figures of merit of scores, and of calls of COVID-19 or normal, against labels."""

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from cxr_tasks.statistics.figures_record import (
    Confusion,
    Estimate,
    FigureFacts,
    IndependentInterval,
    PartMeasures,
    PredictiveValues,
    RocCurve,
)
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.resampling import (
    Resamples,
    confusion_of,
    number,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scores import FloatArray, IntArray, predict


def measure(labels: IntArray, scores: FloatArray) -> PartMeasures:
    """Measure scores by every figure the report shows of a part, without intervals.

    Args:
        labels: Shape (n,), n > 0; 1 is COVID-19, 0 is normal.
        scores: Shape (n,); probability of COVID-19, in [0, 1].

    Returns:
        Counts, fractions in [0, 1] and the loss in nats by name; None where a figure is
        undefined (a class is missing, or nothing was predicted positive).
    """
    n_covid = int(labels.sum())
    counts = count_cells(labels, predict(scores))
    roc_auc, roc = None, None
    if 0 < n_covid < len(labels):
        false_positive, true_positive, _ = roc_curve(labels, scores)
        roc = RocCurve(fpr=false_positive.tolist(), tpr=true_positive.tolist())
        roc_auc = float(roc_auc_score(labels, scores))
    return PartMeasures(
        n_images=len(labels),
        n_covid=n_covid,
        n_normal=len(labels) - n_covid,
        **{name: number(values[0]) for name, values in rates_of(counts).items()},
        loss=float(log_loss(labels, scores, labels=[0, 1])),
        roc_auc=roc_auc,
        confusion=name_cells(counts),
        roc=roc,
    )


def measure_calls(
    labels: IntArray, calls: IntArray, resamples: Resamples, *, prevalence: float
) -> tuple[dict[str, FigureFacts], PredictiveValues]:
    """Measure calls of COVID-19 or normal, each figure with its interval over groups.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        calls: Shape (n,); 1 is a call of COVID-19.
        resamples: Draws of the images' groups.
        prevalence: For the predictive values, in (0, 1).

    Returns:
        Rates by name, with Wilson's interval over images beside those that are proportions; and
        the predictive values.
    """
    counts = count_cells(labels, calls)
    values, drawn = rates_of(counts), rates_of(resampled(resamples, confusion_of(labels, calls)))
    rates = {
        name: FigureFacts(
            value=number(value), interval=percentile_interval(drawn[name]), independent=None
        )
        for name, [value] in values.items()
    }
    tried = {
        "accuracy": np.ones(len(labels), np.bool_),
        "sensitivity": labels == 1,
        "specificity": labels == 0,
        "precision": calls == 1,
    }
    for name, images in tried.items():
        n_right, n_groups = int((calls == labels)[images].sum()), resamples.n_groups(images)
        over_images = wilson(n_right, int(images.sum()))
        over_groups = wilson(n_groups if n_right else 0, n_groups)
        rates[name] = FigureFacts(
            value=rates[name].value,
            interval=_interval(values[name], drawn[name], over_groups),
            independent=IndependentInterval(method="Wilson", interval=over_images),
        )
    return rates, _describe_predictive_values(values, drawn, rates, prevalence)


def count_cells(labels: IntArray, calls: IntArray) -> FloatArray:
    """Count true and false positives, false and true negatives, shape (1, 4)."""
    return confusion_of(labels, calls)(np.ones((1, len(labels))))


def name_cells(counts: FloatArray) -> Confusion:
    """Name the four cells of one confusion, shape (1, 4)."""
    n_tp, n_fp, n_fn, n_tn = (int(count) for count in counts[0])
    return Confusion(
        true_positive=n_tp, false_positive=n_fp, true_negative=n_tn, false_negative=n_fn
    )


def rates_of(counts: FloatArray) -> dict[str, FloatArray]:
    """Compute rates from confusions, shape (b, 4); NaN where one is undefined."""
    n_tp, n_fp, n_fn, n_tn = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = n_tp / (n_tp + n_fn), n_tn / (n_tn + n_fp)
        return {
            "accuracy": (n_tp + n_tn) / counts.sum(axis=1),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "precision": n_tp / (n_tp + n_fp),
            "f1": 2 * n_tp / (2 * n_tp + n_fp + n_fn),
        }


def predictive_values(
    sensitivity: FloatArray, specificity: FloatArray, *, prevalence: float
) -> dict[str, FloatArray]:
    """Compute positive and negative predictive values by Bayes' theorem.

    A data set's own share of COVID-19 says nothing of the share among those to be examined, so
    that values counted in it would mean nothing elsewhere.

    Args:
        sensitivity: Any shape; in [0, 1], NaN where unknown.
        specificity: The same shape.
        prevalence: Fraction that has the disease, in (0, 1).

    Returns:
        `ppv`, the fraction of positive calls that have the disease, and `npv`, of negative calls
        that have not; NaN where no call of that kind is made.
    """
    true_positive, false_negative = sensitivity * prevalence, (1 - sensitivity) * prevalence
    true_negative = specificity * (1 - prevalence)
    false_positive = (1 - specificity) * (1 - prevalence)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "ppv": true_positive / (true_positive + false_positive),
            "npv": true_negative / (true_negative + false_negative),
        }


def _interval(
    value: FloatArray, drawn: FloatArray, by_formula: list[float] | None
) -> list[float] | None:
    """Return the bootstrap's interval; a formula's, over groups, where it would claim certainty.

    Where all that was tried went one way, it does so in all resamples.
    """
    return by_formula if value[0] in (0.0, 1.0) else percentile_interval(drawn)


def _describe_predictive_values(
    values: Mapping[str, FloatArray],
    drawn: Mapping[str, FloatArray],
    rates: Mapping[str, FigureFacts],
    prevalence: float,
) -> PredictiveValues:
    """Measure both values; where the bootstrap fails, by both ends of the rates' intervals.

    Both values rise with both rates.
    """
    ends = {name: np.asarray(each.interval, np.float64) for name, each in rates.items()}
    measured, resampled_values, reach = (
        predictive_values(each["sensitivity"], each["specificity"], prevalence=prevalence)
        for each in (values, drawn, ends)
    )
    described = {
        name: Estimate(
            value=number(value[0]),
            interval=_interval(value, resampled_values[name], reach[name].tolist()),
        )
        for name, value in measured.items()
    }
    return PredictiveValues(prevalence=prevalence, **described)
