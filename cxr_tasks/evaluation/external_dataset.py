"""The external test: saved models, as they are, on a second data set."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import find_copies_across, group_images, join_datasets
from cxr_tasks.evaluation.comparison_record import DecisionRule, ExternalFacts
from cxr_tasks.evaluation.predictions import apply_rule
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.resampling import group_resamples
from cxr_tasks.statistics.scores import FloatArray, IntArray, ScoredImages
from cxr_tasks.statistics.summary import describe

Score = Callable[[Path, NDArray[np.uint8], IntArray], FloatArray]


def measure_external(
    external: Dataset,
    internal: Dataset,
    models: Mapping[str, tuple[Path, DecisionRule | None]],
    *,
    config: RunConfig,
    score: Score,
) -> ExternalFacts:
    """Measure saved models on images from elsewhere.

    Temperature and cut-off come from the run's own data and are not touched. Images that are
    copies of internal ones, with their groups, are left out and counted.

    Args:
        external: The second data set.
        internal: The run's data set.
        models: For each variant its saved model and the rule that was fitted for it.
        config: Names prevalence, minimum sensitivity and seed.
        score: Returns the probability of some rows of an image store by a saved model.

    Returns:
        What the report shows of it; `variants` is empty where a class is left without images.
    """
    labels = external.index["label"].to_numpy(np.int64)
    groups, _ = group_images(external.index, external.images)
    both = join_datasets(internal, external)
    copies = find_copies_across(both.index, both.images, n_first=both.n_first)
    known = np.isin(groups, groups[np.unique(copies[:, 1]) - both.n_first])
    rows = np.flatnonzero(~known)
    labels, groups = labels[rows], groups[rows]
    variants = {}
    # without both classes nothing can be measured
    for name, (model_file, rule) in models.items() if len(np.unique(labels)) == 2 else ():
        scores = score(model_file, external.images, rows)
        variants[name] = describe(
            apply_rule(ScoredImages(labels, scores, groups), rule),
            group_resamples(labels, groups, seed=config.seed),
            prevalence=config.prevalence,
            min_sensitivity=config.min_sensitivity,
            temperatures=[rule.temperature] if rule else [],
            seed=config.seed,
        )
    return ExternalFacts(
        description=external.record.description,
        fingerprint=external.fingerprint,
        synthetic=external.record.synthetic,
        n_images=len(rows),
        n_covid=int(labels.sum()),
        n_normal=int((labels == 0).sum()),
        n_groups=len(np.unique(groups)),
        n_excluded_copies=int(known.sum()),
        variants=variants,
    )
