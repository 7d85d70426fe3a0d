"""A pool of phantoms with the features of the shipped backbone, from which data sets are drawn."""

from dataclasses import dataclass

import numpy as np

from bench.frozen_features import frozen_features
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.scores import FloatArray, IntArray

_BATCH_SIZE = 40


@dataclass(frozen=True)
class Pool:
    """Images of which features are known."""

    features: FloatArray  # shape (n, d), standardised
    kernel: FloatArray  # shape (n, n); their products
    labels: IntArray
    groups: IntArray  # patients

    def take(
        self, n_images: int, rng: np.random.Generator, *, without: IntArray | None = None
    ) -> IntArray:
        """Draw patients until half of so many images are of each class; return the rows.

        Args:
            n_images: How many; of the last patient of a class perhaps not all are taken.
            rng: Where chance comes from.
            without: Rows whose patients are left out.
        """
        left = np.ones(len(self.labels), np.bool_)
        if without is not None:
            left = ~np.isin(self.groups, self.groups[without])
        rows: list[int] = []
        for label in (0, 1):
            of_class = np.flatnonzero(left & (self.labels == label))
            order = rng.permutation(np.unique(self.groups[of_class]))
            place = {int(group): at for at, group in enumerate(order)}
            places = np.array([place[int(group)] for group in self.groups[of_class]])
            rows += of_class[np.argsort(places, kind="stable")][: n_images // 2].tolist()
        return np.array(rows)


def draw_pool(n_images: int, *, seed: int, difficulty: Difficulty) -> Pool:
    """Draw phantoms, a batch at a time, and run the shipped backbone on them."""
    from cxr_tasks.training.weights import OWN_WEIGHTS

    plan, found = plan_phantom(n_images, seed=seed), []
    for start in range(0, n_images, _BATCH_SIZE):
        pixels = [
            decode_image(draw_phantom(image, seed=seed, difficulty=difficulty)).pixels
            for image in plan[start : start + _BATCH_SIZE]
        ]
        found.append(frozen_features(np.stack(pixels), OWN_WEIGHTS))
    features = standardised(np.concatenate(found))
    return Pool(
        features,
        features @ features.T,
        np.array([image.label for image in plan]),
        np.array([image.patient_number for image in plan]),
    )
