"""The sanity check: a map that stays as it is while the model is destroyed shows the image only.

Adebayo et al. 2018, arXiv 1810.03292: weights are randomised from the output down, more and more
layers, and the maps are compared with the trained model's.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from cxr_tasks.explanation.attention import enlarge
from cxr_tasks.explanation.grad_cam import GradCam

FloatArray = NDArray[np.float64]
Model = Any

MAX_STAGES = 8
MAX_RANK_CORRELATION = 0.5
"""The check passes where, with every layer random, the mean is below."""

_COMPARED_SIDE_PX = 56
_SSIM_SIGMA_PX = 1.5
_SSIM_CONSTANTS = (0.01**2, 0.03**2)  # of the paper, for a range of 1


def check_sanity(
    model: Model, images: NDArray[np.uint8], signs: FloatArray, *, seed: int
) -> list[dict[str, Any]]:
    """Randomise a model step by step, and compare its maps with those it had.

    Args:
        model: Destroyed in place; its file is not touched.
        images: Shape (n, 224, 224, 3).
        signs: Shape (n,); for which class evidence is looked for, kept throughout.
        seed: Decides the random weights.

    Returns:
        For each step the deepest layer that is random, mean rank correlation and mean SSIM.
    """
    trained = GradCam.of(model).maps(images, signs)
    rng = np.random.default_rng(seed)
    told = []
    for layers in _stages(model):
        for layer in layers:
            _shuffle(layer, rng)
        maps = GradCam.of(model).maps(images, signs)
        pairs = list(zip(trained, maps, strict=True))
        told.append(
            {
                "layer": layers[-1].name,
                "rank_correlation": float(np.mean([rank_correlation(*pair) for pair in pairs])),
                "ssim": float(np.mean([similarity(*pair) for pair in pairs])),
            }
        )
    return told


def passes(steps: list[dict[str, Any]]) -> bool:
    """Say whether the maps depend on what was learned."""
    return bool(steps[-1]["rank_correlation"] < MAX_RANK_CORRELATION)


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Give Spearman's rank correlation of two maps; 0 where one is even."""
    ranks = [rankdata(each.ravel()) for each in (first, second)]
    spreads = [each.std() for each in ranks]
    if min(spreads) == 0:
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])


def similarity(first: FloatArray, second: FloatArray) -> float:
    """Give the structural similarity of two maps, each scaled to a maximum of 1.

    Wang et al. 2004, doi 10.1109/TIP.2003.819861, with its Gaussian window.
    """
    one, other = (_scaled(enlarge(each, side_px=_COMPARED_SIDE_PX)) for each in (first, second))

    def local(values: FloatArray) -> FloatArray:
        blurred: FloatArray = gaussian_filter(values, _SSIM_SIGMA_PX)
        return blurred

    means = local(one), local(other)
    variances = local(one**2) - means[0] ** 2, local(other**2) - means[1] ** 2
    covariance = local(one * other) - means[0] * means[1]
    c1, c2 = _SSIM_CONSTANTS
    ratio = ((2 * means[0] * means[1] + c1) * (2 * covariance + c2)) / (
        (means[0] ** 2 + means[1] ** 2 + c1) * (variances[0] + variances[1] + c2)
    )
    return float(ratio.mean())


def _scaled(values: FloatArray) -> FloatArray:
    return values / values.max() if values.max() > 0 else values


def _stages(model: Model) -> list[list[Any]]:
    """Divide the layers that have kernels, the last first: two alone, then blocks."""
    layers = [layer for layer in reversed(model.layers) if _kernels(layer)]
    alone = [[layer] for layer in layers[:2]]
    blocks = np.array_split(np.arange(2, len(layers)), min(MAX_STAGES - 2, max(0, len(layers) - 2)))
    return alone + [[layers[place] for place in block] for block in blocks]


def _kernels(layer: Any) -> list[Any]:
    return [weight for weight in layer.weights if len(weight.shape) > 1]


def _shuffle(layer: Any, rng: np.random.Generator) -> None:
    """Put a layer's weights in random order: nothing learned is left, sizes stay as they were."""
    for kernel in _kernels(layer):
        values = np.asarray(kernel)
        kernel.assign(rng.permutation(values.ravel()).reshape(values.shape))
