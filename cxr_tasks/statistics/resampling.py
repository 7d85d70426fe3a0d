"""The bootstrap over groups: patients are drawn with replacement, not images.

Images of one patient are alike, so that a bootstrap over images makes intervals too narrow
(Field & Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x). A resample is a weight for each image:
how often its group was drawn. All metrics are computed from weights, many resamples at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.statistics.intervals import newcombe_interval
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray

N_RESAMPLES = 2000
_MAX_WEIGHTS = 2_000_000
"""In memory at once, whatever the data set: a few float64 arrays of this size."""

_LEAST_EXCESS = 0.01
"""Over chance, below which a share of it says nothing."""

WeightArray = npt.NDArray[np.float64]
Statistic = Callable[[WeightArray], FloatArray]


@dataclass(frozen=True)
class Resamples:
    """Draws of groups, the same whenever they are read."""

    members: IntArray  # shape (n_images,); place of each image's group in `strata`
    strata: tuple[IntArray, ...]  # for each class, the places of the groups that are drawn together
    n_resamples: int  # how many draws
    seed: int  # decides them

    def blocks(self) -> Iterator[WeightArray]:
        """Yield the weights of the images, (b, n_images) at a time."""
        rng = np.random.default_rng(self.seed)
        n_groups = sum(len(stratum) for stratum in self.strata)
        size = max(1, _MAX_WEIGHTS // len(self.members))
        for start in range(0, self.n_resamples, size):
            n = min(size, self.n_resamples - start)
            drawn = np.zeros((n, n_groups))
            for stratum in self.strata:
                even = np.full(len(stratum), 1 / len(stratum))
                drawn[:, stratum] = rng.multinomial(len(stratum), even, size=n)
            yield drawn[:, self.members]

    def n_groups(self, chosen: BoolArray) -> int:
        """Return how many groups the chosen images are of; shape (n_images,)."""
        return len(np.unique(self.members[chosen]))


def group_resamples(
    labels: IntArray, groups: IntArray, *, n_resamples: int = N_RESAMPLES, seed: int
) -> Resamples:
    """Prepare a bootstrap over groups, within each class.

    Args:
        labels: Shape (n,); 1 is COVID-19. A group with such an image is drawn among its like.
        groups: Shape (n,); what is drawn as a whole.
        n_resamples: How many draws.
        seed: Decides them.
    """
    _, members = np.unique(groups, return_inverse=True)
    is_covid = np.zeros(members.max() + 1, dtype=np.bool_)
    np.logical_or.at(is_covid, members, labels == 1)
    strata = tuple(np.flatnonzero(is_covid == each) for each in (False, True))
    strata = tuple(stratum for stratum in strata if len(stratum))
    return Resamples(members.astype(np.int64), strata, n_resamples, seed)


def resampled(resamples: Resamples, statistic: Statistic) -> FloatArray:
    """Compute a statistic on every resample.

    Args:
        resamples: The draws.
        statistic: From weights (b, n_images) to (b, ...); NaN where it is undefined.

    Returns:
        Shape (n_resamples, ...).
    """
    return np.concatenate([statistic(weights) for weights in resamples.blocks()])


def estimate(statistic: Statistic, resamples: Resamples) -> Estimate:
    """Measure a figure on the images as they are, with its percentile interval."""
    everyone = np.ones((1, len(resamples.members)))
    return Estimate(
        value=number(statistic(everyone)[0]),
        interval=percentile_interval(resampled(resamples, statistic)),
    )


def estimate_auc(labels: IntArray, scores: FloatArray, resamples: Resamples) -> Estimate:
    """Measure the area under the ROC curve, with an interval over groups.

    Where all resamples agree, as where the scores part the classes, the bootstrap would claim
    certainty: there Newcombe's interval takes its place, on the groups that hold each class.
    """
    area = estimate(auc_of(labels, scores), resamples)
    if area.value is None or not area.interval or area.interval[0] != area.interval[1]:
        return area
    n_covid, n_normal = (resamples.n_groups(labels == label) for label in (1, 0))
    return Estimate(value=area.value, interval=newcombe_interval(area.value, n_covid, n_normal))


def percentile_interval(values: FloatArray, *, confidence: float = 0.95) -> list[float] | None:
    """Return the percentile interval of resampled values; None where most are undefined."""
    finite = values[np.isfinite(values)]
    if len(finite) < max(1, len(values) / 2):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return [float(low), float(high)]


def number(value: float) -> float | None:
    """Return a figure as JSON knows it: None where it is undefined."""
    return float(value) if np.isfinite(value) else None


def auc_of(labels: IntArray, scores: FloatArray) -> Statistic:
    """Prepare the area under the ROC curve for weighted images; ties count half.

    Mann & Whitney 1947, doi 10.1214/aoms/1177730491, with weights. NaN where a class has none.
    """
    order = np.argsort(scores, kind="stable")
    is_covid = labels[order] == 1
    _, starts = np.unique(scores[order], return_index=True)

    def statistic(weights: WeightArray) -> FloatArray:
        sorted_weights = weights[:, order]
        covid = np.add.reduceat(sorted_weights * is_covid, starts, axis=1)
        normal = np.add.reduceat(sorted_weights * ~is_covid, starts, axis=1)
        below = np.cumsum(normal, axis=1) - normal / 2
        pairs = covid.sum(axis=1) * normal.sum(axis=1)
        return _ratio((covid * below).sum(axis=1), pairs)

    return statistic


def excess_share(part: Statistic, whole: Statistic) -> Statistic:
    """Prepare one area's excess over chance as a share of another's: (part - 0.5) / (whole - 0.5).

    NaN where the whole has hardly any.
    """

    def statistic(weights: WeightArray) -> FloatArray:
        excess = whole(weights) - 0.5
        share: FloatArray = np.full(excess.shape, np.nan)
        np.divide(part(weights) - 0.5, excess, out=share, where=excess > _LEAST_EXCESS)
        return share

    return statistic


def average_precision_of(labels: IntArray, scores: FloatArray) -> Statistic:
    """Prepare the area under the precision-recall curve, as steps, for weighted images.

    As `sklearn.metrics.average_precision_score`. NaN where no COVID-19 image has weight.
    """
    order = np.argsort(-scores, kind="stable")
    is_covid = labels[order] == 1
    _, starts = np.unique(-scores[order], return_index=True)

    def statistic(weights: WeightArray) -> FloatArray:
        sorted_weights = weights[:, order]
        covid = np.add.reduceat(sorted_weights * is_covid, starts, axis=1)
        every = np.add.reduceat(sorted_weights, starts, axis=1)
        found, called = np.cumsum(covid, axis=1), np.cumsum(every, axis=1)
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return _ratio((precision * covid).sum(axis=1), found[:, -1])

    return statistic


def mean_of(values: FloatArray) -> Statistic:
    """Prepare the weighted mean of a figure that every image has."""

    def statistic(weights: WeightArray) -> FloatArray:
        return _ratio(weights @ values, weights.sum(axis=1))

    return statistic


def confusion_of(labels: IntArray, predictions: IntArray) -> Statistic:
    """Prepare the weighted confusion: true and false positives, false and true negatives."""
    cells = np.stack(
        [
            (labels == truth) & (predictions == called)
            for truth, called in ((1, 1), (0, 1), (1, 0), (0, 0))
        ],
        axis=1,
    ).astype(np.float64)

    def statistic(weights: WeightArray) -> FloatArray:
        counts: FloatArray = weights @ cells
        return counts

    return statistic


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
