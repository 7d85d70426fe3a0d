"""The sanity check: a map that stays as it is while the model is destroyed shows the image only.

Adebayo et al. 2018, arXiv 1810.03292: weights are randomised from the output down, more and more
layers, and the maps are compared with the trained model's.
"""

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from cxr_tasks.evaluation.explanation_record import SanityStep
from cxr_tasks.evaluation.grad_cam import BATCH_SIZE, GradCam, enlarge
from cxr_tasks.statistics.scores import FloatArray
from cxr_tasks.training.frozen_prefix import cut_prefix

Layer = Any
Model = Any
Tensor = Any

MAX_STAGES = 8
MAX_RANK_CORRELATION = 0.5
"""With every layer random, the mean has to be below; two coarse maps correlate by chance."""

_COMPARED_SIDE_PX = 56
_SSIM_SIGMA_PX = 1.5
_SSIM_CONSTANTS = (0.01**2, 0.03**2)  # of the paper, for a range of 1


def check_sanity(
    model: Model, cam: GradCam, *, images: NDArray[np.uint8], signs: FloatArray, seed: int
) -> list[SanityStep]:
    """Randomise a model step by step, and compare its maps with those it had.

    A layer's weights are put in random order: what was learned is gone, their sizes stay, and so
    the signal neither dies nor grows on its way. Biases and batch statistics stay.

    Args:
        model: Destroyed step by step, and at the end as it was.
        cam: The same model taken apart.
        images: Shape (n, 224, 224, 3).
        signs: Shape (n,); for which class evidence is looked for, kept throughout.
        seed: Decides the random order.

    Returns:
        For each step the deepest layer that is random, and over the `n_compared` images that have
        evidence before and after the mean rank correlation and mean SSIM; None of none.
    """
    destroyed = stages(model)
    maps = StepwiseMaps(cam, destroyed, images, signs)
    rng = np.random.default_rng(seed)
    steps = []
    with _kernels_restored(model):
        for number, layers in enumerate(destroyed):
            for layer in layers:
                _shuffle(layer, rng)
            steps.append(compare(maps.trained, maps.at_step(number), layer=layers[-1].name))
    return steps


def passes(steps: list[SanityStep]) -> bool | None:
    """Check whether the maps depend on what was learned; None where no map was left to compare."""
    last = steps[-1].rank_correlation
    return None if last is None else last < MAX_RANK_CORRELATION


def compare(before: FloatArray, after: FloatArray, *, layer: str) -> SanityStep:
    """Compare maps, shape (n, height, width), in the mean over those that are not empty."""
    pairs = [pair for pair in zip(before, after, strict=True) if all(map(np.any, pair))]
    return SanityStep(
        layer=layer,
        n_compared=len(pairs),
        rank_correlation=_mean([rank_correlation(*pair) for pair in pairs]),
        ssim=_mean([similarity(*pair) for pair in pairs]),
    )


class StepwiseMaps:
    """The maps of a network of which more and more layers change, those near the image last.

    The layers that have not changed yet are not run again: what they gave is kept, for the same
    batches, so that the maps are the same to the last bit.

    Args:
        cam: The network taken apart, before any layer changes.
        steps: The layers that change with each step, beside those of the steps before.
        images: Shape (n, 224, 224, 3).
        signs: Shape (n,); for which class evidence is looked for.

    Attributes:
        trained: The network's maps as it is now, shape (n, height, width).
    """

    def __init__(
        self, cam: GradCam, steps: list[list[Layer]], images: NDArray[np.uint8], signs: FloatArray
    ) -> None:
        import keras

        self._cam = cam
        self._signs = signs
        self._batches = [
            slice(start, start + BATCH_SIZE) for start in range(0, len(images), BATCH_SIZE)
        ]
        changed = accumulate(({id(layer) for layer in layers} for layers in steps), operator.or_)
        self._rests = [_after_unchanged(cam.maps_of, each) for each in changed]
        starts = [tensor for tensor, _ in self._rests if tensor is not None]
        unchanged = keras.Model(cam.maps_of.inputs, [*starts, cam.maps_of.output])
        self._inputs: list[list[Any]] = []  # of each batch: what each step's rest is given
        trained = []
        for batch in self._batches:
            *outputs, maps = unchanged([images[batch]], training=False)
            remaining = iter(outputs)
            self._inputs.append(
                [images[batch] if tensor is None else next(remaining) for tensor, _ in self._rests]
            )
            trained.append(maps)
        self.trained = self._evidence(trained)

    def at_step(self, step: int) -> FloatArray:
        """Return the maps at a step, whose layers have changed; shape (n, height, width)."""
        rest = self._rests[step][1]
        given = [inputs[step] for inputs in self._inputs]
        return self._evidence([rest(each, training=False) if rest else each for each in given])

    def _evidence(self, maps: list[Any]) -> FloatArray:
        """Compute the evidence in the last maps of each batch."""
        pairs = zip(maps, self._batches, strict=True)
        return np.concatenate([self._cam.evidence(each, self._signs[at]) for each, at in pairs])


def _after_unchanged(maps_of: Model, changed: set[int]) -> tuple[Tensor | None, Model | None]:
    """Find where a network begins to change, and what comes from there to its last maps.

    Returns:
        The last tensor that has not changed, None for the image; and the network from it to the
        maps, None where they have not changed either.
    """
    import keras

    if not any(id(layer) in changed for layer in maps_of.layers):
        return maps_of.output, None
    cut = cut_prefix(maps_of, lambda layer: id(layer) not in changed)
    if cut is None:
        return None, keras.Model(maps_of.inputs[0], maps_of.output)
    return cut.prefix.output, cut.rest


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's rank correlation of two maps; 0 where one is the same everywhere."""
    ranks = [rankdata(each.ravel()) for each in (first, second)]
    if min(each.std() for each in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])


def similarity(first: FloatArray, second: FloatArray) -> float:
    """Return the structural similarity of two maps, each scaled to a maximum of 1.

    Wang et al. 2004, doi 10.1109/TIP.2003.819861, with its Gaussian window; compared at one
    size whatever the network, since a window means another thing on a smaller map.
    """
    one, other = (_scaled(enlarge(each, side_px=_COMPARED_SIDE_PX)) for each in (first, second))
    local = partial(gaussian_filter, sigma=_SSIM_SIGMA_PX)
    means = local(one), local(other)
    variances = local(one**2) - means[0] ** 2, local(other**2) - means[1] ** 2
    covariance = local(one * other) - means[0] * means[1]
    c1, c2 = _SSIM_CONSTANTS
    ratio = ((2 * means[0] * means[1] + c1) * (2 * covariance + c2)) / (
        (means[0] ** 2 + means[1] ** 2 + c1) * (variances[0] + variances[1] + c2)
    )
    return float(ratio.mean())


def stages(model: Model) -> list[list[Layer]]:
    """Divide the layers that have kernels, the last first: two alone, then blocks."""
    layers = [layer for layer in reversed(model.layers) if _kernels(layer)]
    alone = [[layer] for layer in layers[:2]]
    n_rest = max(0, len(layers) - 2)
    blocks = np.array_split(np.arange(2, len(layers)), min(MAX_STAGES - 2, n_rest) or 1)
    return alone + [[layers[place] for place in block] for block in blocks if len(block)]


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _scaled(values: FloatArray) -> FloatArray:
    return values / values.max() if values.max() > 0 else values


def _kernels(layer: Layer) -> list[Any]:
    return [weight for weight in layer.weights if len(weight.shape) > 1]


def _shuffle(layer: Layer, rng: np.random.Generator) -> None:
    for kernel in _kernels(layer):
        values = np.asarray(kernel)
        kernel.assign(rng.permutation(values.ravel()).reshape(values.shape))


@contextmanager
def _kernels_restored(model: Model) -> Iterator[None]:
    """Restore the kernels at the block's end: the model may be used again."""
    before = [
        (kernel, np.asarray(kernel).copy()) for layer in model.layers for kernel in _kernels(layer)
    ]
    try:
        yield
    finally:
        for kernel, values in before:
            kernel.assign(values)
