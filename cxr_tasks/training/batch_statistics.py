"""Batch normalisation's statistics without lag: those of an epoch's own batches.

Validation normalises by running statistics, which each step moves by a small part towards those of
its batch. After n steps with momentum m they are

    after = m^n * before + (1 - m) * sum over k of m^(n-1-k) * batch_k

so (after - m^n * before) / (1 - m^n) is a mean of what the epoch's batches had, the later ones
counting a little more: two copies of the running statistics give it, no image has to be seen again.
It is where the running statistics would come to rest if the weights stood still. That this should
be looked at: Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021 (arXiv 2105.07576).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.training.checkpoint import Arrays
from cxr_tasks.training.fused_batch_norm import without_fusing
from cxr_tasks.training.model_state import assign, copies_of

Layer = Any
Model = Any

_OF_LAYER = ("moving_mean", "moving_variance")


@dataclass(frozen=True)
class RunningStatistics:
    """The running statistics that training moves; made by `RunningStatistics.of`.

    False where nothing moves any: without batch normalisation, or where it is frozen.
    """

    _layers: tuple[Layer, ...]

    @classmethod
    def of(cls, model: Model) -> "RunningStatistics":
        """Find them in a model, be its batch normalisation Keras' own or fused."""
        layers = [without_fusing(layer) for layer in model.layers]
        return cls(tuple(layer for layer in layers if _moves(layer)))

    def __bool__(self) -> bool:
        return bool(self._layers)

    def copies(self) -> Arrays:
        """Copy them: of each layer the mean and the variance."""
        return copies_of(self._variables)

    def of_epoch(self, before: Arrays, *, n_steps: int) -> Arrays:
        """Return what they would be without lag, after an epoch.

        Args:
            before: What `copies` returned at the epoch's beginning.
            n_steps: Steps since then, at least one.
        """
        now, momenta = self.copies(), (layer.momentum for layer in self._layers for _ in _OF_LAYER)
        means = [
            mean_of_batches(first, last, momentum=momentum, n_steps=n_steps)
            for first, last, momentum in zip(before, now, momenta, strict=True)
        ]
        lowest = (-np.inf, 0.0) * len(self._layers)  # rounding may leave a variance below 0
        return tuple(map(np.maximum, means, map(np.float32, lowest)))

    @contextmanager
    def replaced(self, statistics: Arrays) -> Iterator[None]:
        """Let a model compute with other statistics; then it has its own again, bit for bit."""
        own = self.copies()
        try:
            assign(self._variables, statistics)
            yield
        finally:
            assign(self._variables, own)

    @property
    def _variables(self) -> tuple[Any, ...]:
        return tuple(getattr(layer, name) for layer in self._layers for name in _OF_LAYER)


def mean_of_batches(
    before: NDArray[np.float32], after: NDArray[np.float32], *, momentum: float, n_steps: int
) -> NDArray[np.float32]:
    """Recover from a running statistic what the batches in between had on average.

    Batch k of n weighs momentum^(n-1-k), which at 0.999 is nearly the same for all, and at 0.7
    leaves the last few: there the running statistic itself hardly lags.

    Args:
        before: The running statistic before the steps; any shape.
        after: The same after them. Rounding of both is multiplied by 1 / (1 - momentum^n_steps):
            125 for the study's 8 steps an epoch, which leaves about four digits.
        momentum: In [0, 1).
        n_steps: At least 1.
    """
    # As single precision has them, they do not add up to 1; what is small is divided by later.
    kept, taken = (float(np.float32(part)) for part in (momentum, 1.0 - momentum))
    remains, weight = kept**n_steps, taken * sum(kept**k for k in range(n_steps))
    moved = after.astype(np.float64) - remains * before.astype(np.float64)
    return np.asarray(moved / weight, np.float32)


def _moves(layer: Layer) -> bool:
    import keras

    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    return is_norm and layer.trainable and layer.momentum < 1
