"""The external test: saved models, as they are, on a second data set."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, find_copies, group_images
from cxr_tasks.evaluation.basis import Fixed, apply_fixed
from cxr_tasks.evaluation.resampling import N_RESAMPLES, group_resamples
from cxr_tasks.evaluation.scored import FloatArray
from cxr_tasks.evaluation.statistics import describe
from cxr_tasks.settings import RunConfig

Score = Callable[[Path, NDArray[np.uint8], IntArray], FloatArray]


def measure_external(
    external: Dataset,
    internal: Dataset,
    models: Mapping[str, tuple[Path, Fixed | None]],
    *,
    config: RunConfig,
    score: Score,
) -> dict[str, Any]:
    """Measure saved models on images from elsewhere.

    Temperature and cut-off come from the run's own data and are not touched. Images that are
    copies of internal ones, with their groups, are left out and counted.

    Args:
        external: The second data set.
        internal: The run's data set.
        models: For each variant its saved model and what was fixed for it.
        config: Names prevalence, least sensitivity and seed.
        score: Gives the probability of some rows of an image store by a saved model.

    Returns:
        What the report says of it; `variants` is empty where a class is left without images.
    """
    labels = external.index["label"].to_numpy(np.int64)
    groups, _ = group_images(external.index, external.images)
    known = np.isin(groups, groups[_copies_of(internal, external)])
    rows = np.flatnonzero(~known)
    labels, groups = labels[rows], groups[rows]
    described = {
        "description": external.record["description"],
        "fingerprint": external.fingerprint,
        "synthetic": external.record["synthetic"],
        "n_images": len(rows),
        "n_covid": int(labels.sum()),
        "n_normal": int((labels == 0).sum()),
        "n_groups": len(np.unique(groups)),
        "n_excluded_copies": int(known.sum()),
        "variants": {},
    }
    if len(np.unique(labels)) < 2:
        return described
    resamples = group_resamples(labels, groups, n_resamples=N_RESAMPLES, seed=config.seed)
    for name, (model_file, fixed) in models.items():
        scores = score(model_file, external.images, rows)
        described["variants"][name] = describe(
            apply_fixed(labels, scores, groups, fixed=fixed),
            resamples,
            prevalence=config.prevalence,
            min_sensitivity=config.min_sensitivity,
            temperatures=[fixed.temperature] if fixed else [],
            seed=config.seed,
        )
    return described


def _copies_of(internal: Dataset, external: Dataset) -> IntArray:
    """Find the rows of the external data set that are copies of internal images."""
    n = len(internal.index)
    columns = ["sha256", "phash"]
    index = pd.concat([internal.index[columns], external.index[columns]], ignore_index=True)
    pairs = find_copies(index, _Joined(internal.images, external.images))
    across = pairs[(pairs[:, 0] < n) & (pairs[:, 1] >= n)]
    return np.unique(across[:, 1]) - n


class _Joined:
    """Two image stores, read as one row by row, so that neither is held in memory."""

    def __init__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
        self._first = first
        self._second = second

    def __getitem__(self, row: int) -> Any:
        n = len(self._first)
        return self._first[row] if row < n else self._second[row - n]
