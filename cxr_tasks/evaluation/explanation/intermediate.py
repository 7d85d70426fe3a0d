"""What a network makes of images on the way to its last maps, kept where it does not change."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.evaluation.explanation.grad_cam import BATCH_SIZE, GradCam
from cxr_tasks.training.frozen_prefix import cut_prefix

FloatArray = NDArray[np.float64]
Layer = Any
Model = Any
Tensor = Any


class OnTheWay:
    """The maps of a network of which more and more layers change, those near the image last.

    The layers that have not changed yet are not run again: what they gave is kept, for the same
    batches, so that the maps are the same to the last bit.

    Args:
        cam: The network taken apart, before any layer changes.
        steps: The layers that change with each step, beside those of the steps before.
        images: Shape (n, 224, 224, 3).
        signs: Shape (n,); for which class evidence is looked for.

    Attributes:
        trained_maps: The network's maps as it is now, shape (n, height, width).
    """

    def __init__(
        self, cam: GradCam, steps: list[list[Layer]], images: NDArray[np.uint8], signs: FloatArray
    ) -> None:
        import keras

        self._cam = cam
        self._signs = signs
        self._n = len(images)
        self._rests = [_after_unchanged(cam.maps_of, each) for each in _added_up(steps)]
        starts = [tensor for tensor, _ in self._rests if tensor is not None]
        on_the_way = keras.Model(cam.maps_of.inputs, [*starts, cam.maps_of.output])
        self._kept: list[list[Any]] = []
        for batch in self._batches():
            *given, maps = on_the_way([images[batch]], training=False)
            kept = iter(given)
            self._kept.append(
                [images[batch] if tensor is None else next(kept) for tensor, _ in self._rests]
                + [maps]
            )
        self.trained_maps = self._evidence([kept[-1] for kept in self._kept])

    def maps_at(self, step: int) -> FloatArray:
        """Return the maps at a step, whose layers have changed; shape (n, height, width)."""
        rest = self._rests[step][1]
        given = [kept[step] for kept in self._kept]
        return self._evidence([rest(each, training=False) if rest else each for each in given])

    def _batches(self) -> list[slice]:
        return [slice(start, start + BATCH_SIZE) for start in range(0, self._n, BATCH_SIZE)]

    def _evidence(self, maps: list[Any]) -> FloatArray:
        """Find the evidence in the last maps of each batch."""
        pairs = zip(maps, self._batches(), strict=True)
        return np.concatenate([self._cam.evidence(each, self._signs[at]) for each, at in pairs])


def _added_up(steps: list[list[Layer]]) -> list[frozenset[int]]:
    """Return for each step which layers have changed by then."""
    changed: frozenset[int] = frozenset()
    found = []
    for layers in steps:
        changed |= {id(layer) for layer in layers}
        found.append(changed)
    return found


def _after_unchanged(maps_of: Model, changed: frozenset[int]) -> tuple[Tensor | None, Model | None]:
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
