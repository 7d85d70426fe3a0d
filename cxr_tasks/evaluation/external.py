"""The external test: saved models, as they are, on a second data set."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, find_copies_across, group_images, join_datasets
from cxr_tasks.evaluation.basis import Fixed, apply_fixed
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.resampling import N_RESAMPLES, group_resamples
from cxr_tasks.statistics.scored import FloatArray
from cxr_tasks.statistics.summary import describe

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
    both = join_datasets(internal, external)
    across = find_copies_across(both.index, both.images, n_first=both.n_first)
    return np.unique(across[:, 1]) - both.n_first
