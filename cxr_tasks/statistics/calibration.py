"""Whether a probability means what it says: reliability, expected error, temperature."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from cxr_tasks.statistics.figures_record import ExpectedError, Reliability, ReliabilityBin
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.scores import FloatArray, IntArray

MAX_BINS = 10
MIN_IMAGES_A_BIN = 15
N_SIMULATIONS = 1000

_TEMPERATURES = (0.05, 20.0)
_PRIOR_SPREAD = 0.5  # two thirds of temperatures between 0.6 and 1.6
_CERTAIN = 1e-6  # a logit of 14: more would let a single surely wrong image decide


def fit_temperature(labels: IntArray, scores: FloatArray) -> float:
    """Find the temperature whose scaled scores have the lowest cross-entropy.

    For images that did not train. Guo et al. 2017, arXiv 1706.04599. A weak prior holds it near 1,
    a normal one on its logarithm: a few dozen images that the scores happen to separate would
    otherwise ask for a temperature of 0, and for certainty.

    Args:
        labels: Shape (n,), n > 0; 1 is COVID-19.
        scores: Shape (n,); probability of COVID-19, in [0, 1].

    Returns:
        Above 1 where the scores are too sure, below 1 where they are not sure enough.
    """
    logits, signs = _logits(scores), 2 * labels - 1

    def cost(log_temperature: float) -> float:
        cross_entropy = np.logaddexp(0, -signs * logits / np.exp(log_temperature)).sum()
        return float(cross_entropy + (log_temperature / _PRIOR_SPREAD) ** 2 / 2)

    found = minimize_scalar(cost, bounds=np.log(_TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(scores: FloatArray, temperature: float) -> FloatArray:
    """Scale the logits of scores down by a temperature; their order stays."""
    scaled: FloatArray = expit(_logits(scores) / temperature)
    return scaled


def reliability(labels: IntArray, scores: FloatArray, *, seed: int) -> Reliability:
    """Compare probabilities with what happened, in bins of equally many images.

    The expected calibration error is above 0 even for perfect probabilities, the more the fewer
    images there are; so the error that perfect ones would show is simulated, by labels drawn
    from the scores themselves (Bröcker & Smith 2007, doi 10.1175/WAF993.1).

    Args:
        labels: Shape (n,), n > 0; 1 is COVID-19.
        scores: Shape (n,); probability of COVID-19, in [0, 1].
        seed: Decides the simulated labels.

    Returns:
        With `p_calibrated`: how often perfect probabilities show as large an error.
    """
    bins = _equal_mass_bins(scores)
    drawn = np.random.default_rng(seed).random((N_SIMULATIONS, len(scores))) < scores
    ece = float(_calibration_errors(labels[None, :], scores, bins)[0])
    simulated = _calibration_errors(drawn, scores, bins)
    low, high = np.quantile(simulated, [0.025, 0.975])
    return Reliability(
        bins=[_bin(labels[bins == number], scores[bins == number]) for number in np.unique(bins)],
        ece=ece,
        ece_if_calibrated=ExpectedError(
            mean=float(simulated.mean()), interval=[float(low), float(high)]
        ),
        p_calibrated=float((simulated >= ece - 1e-12).mean()),
        brier=float(np.mean((scores - labels) ** 2)),
    )


def _logits(scores: FloatArray) -> FloatArray:
    logits: FloatArray = logit(np.clip(scores, _CERTAIN, 1 - _CERTAIN))
    return logits


def _equal_mass_bins(scores: FloatArray) -> IntArray:
    """Number each score's bin; equal scores are in one bin."""
    n_bins = max(1, min(MAX_BINS, len(scores) // MIN_IMAGES_A_BIN))
    edges = np.quantile(scores, np.arange(1, n_bins) / n_bins)
    bins: IntArray = np.searchsorted(edges, scores, side="right").astype(np.int64)
    return bins


def _calibration_errors(labels: npt.NDArray[Any], scores: FloatArray, bins: IntArray) -> FloatArray:
    """Return the expected calibration error of each row of labels, shape (b, n)."""
    errors = np.zeros(len(labels))
    for number in np.unique(bins):
        inside = bins == number
        gaps = labels[:, inside].mean(axis=1) - scores[inside].mean()
        errors += inside.mean() * np.abs(gaps)
    return errors


def _bin(labels: IntArray, scores: FloatArray) -> ReliabilityBin:
    return ReliabilityBin(
        n=len(labels),
        mean_score=float(scores.mean()),
        observed=float(labels.mean()),
        interval=wilson(int(labels.sum()), len(labels)),
    )
