"""Drift: what of a run's data differs from the data that the champion knows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.audit.drift.comparison import Features, compare_datasets
from cxr_tasks.audit.drift.rule import RULE
from cxr_tasks.audit.masked import MaskedFeatures, frozen_prefix
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.errors import CxrError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record

Facts = dict[str, Any]
Note = Callable[[str], None]

_NOT_TRAINED = ("none", "random")
_WITHOUT_WEIGHTS = "Frozen features were not compared: this run has no pre-trained weights."


def measure_drift(
    run: RunPaths,
    config: RunConfig,
    *,
    dataset: Dataset,
    split: pd.DataFrame,
    ingested: Record,
    champion_dataset: Callable[[], str],
    features: MaskedFeatures | None,
    note: Note,
) -> Facts | None:
    """Compare a run's data set with the champion's, the one that served when it was ingested.

    Args:
        run: Whose home has the champion, its data set and activations.
        config: The run's configuration.
        dataset: Its images.
        split: The part of each image.
        ingested: The record of its ingestion, which names the champion.
        champion_dataset: Returns the fingerprint of the champion's data set; raises CxrError where
            that version cannot be read.
        features: The run's frozen features.
        note: Told what a watching person wants to know.

    Returns:
        The facts: `champion`, `dataset`, `status` (compared, same data, not compared), `reason`,
        `rule`, and where they were compared what `compare_datasets` gives. None where there was
        no champion.
    """
    version = ingested["champion"]
    if version is None:
        return None
    facts = {"champion": version, "dataset": None, "status": "compared", "reason": ""}
    try:
        facts["dataset"] = champion_dataset()
        known = open_dataset(run.home, facts["dataset"])
    except CxrError as err:
        # the audit is about this run: what became of another's data must not end it
        return facts | {"status": "not compared", "reason": f"{err.problem} {_remedy(run)}"}
    if known.fingerprint == dataset.fingerprint:
        return facts | {"status": "same data"}
    note(f"drift against the data of the champion {version}")
    both = None
    if features is not None and ingested["weights"]["origin"] not in _NOT_TRAINED:
        prefix = frozen_prefix(run, config, dataset=dataset, split=split, ingested=ingested)
        both = Features(_features_of(known, prefix, run, config, note), features.whole_image)
    compared = compare_datasets(known, dataset, features=both, seed=config.seed)
    if both is None:
        compared["left_out"].append(_WITHOUT_WEIGHTS)
    return facts | compared | {"rule": RULE}


def _remedy(run: RunPaths) -> str:
    return (
        "Put it back, or ingest the same files again, which gives the same data set; then delete "
        f"the folder audit of the run {run.key} and run the stage audit again."
    )


def _features_of(
    known: Dataset, prefix: Any, run: RunPaths, config: RunConfig, note: Note
) -> npt.NDArray[np.float32]:
    """Give the champion's images as this run's backbone sees them; its own run left them cached."""
    from cxr_tasks.training.activations import frozen_activations

    activations = frozen_activations(
        prefix,
        known,
        home=run.home,
        config_fingerprint=config.fingerprint,
        seed=config.seed,
        note=note,
    )
    return activations.values
