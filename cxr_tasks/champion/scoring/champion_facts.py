"""What a batch's record and page say of the champion: data, figures, and how to read a score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.champion.versions import Champion
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.statistics.intervals import wilson

_FROM_RECORD = (
    "variant",
    "title",
    "run_key",
    "promoted_at",
    "profile",
    "basis",
    "synthetic",
    "temperature",
    "cutoff",
    "min_sensitivity",
    "threads",
    "verdict",
    "headline",
)


def champion_facts(
    champion: Champion, dataset: Dataset, *, retired: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Collect what a reader of scores has to know of the champion.

    Args:
        champion: Who scores.
        dataset: The images that it was trained and measured on.
        retired: Its retirement, where it was retired and has not served since.

    Returns:
        What its record says; `start`, where its backbone started if a reader has to know;
        `retired`, when and why; `data`; `prevalence`, the fraction of COVID-19 in its data, where
        its probabilities are calibrated; `cutoff_probability`, the cut-off as a probability; and
        `at_cutoff`, what its decisions found of each class there.
    """
    record, predictions = champion.record, champion.predictions()
    n_covid = int((predictions["label"] == 1).sum())
    cutoff = np.array([record["cutoff"]])
    return {
        "version": champion.name,
        **{key: record[key] for key in _FROM_RECORD},
        "start": _start(record),
        "retired": {key: retired[key] for key in ("at", "reason")} if retired else None,
        "data": {
            "description": dataset.record["description"],
            "fingerprint": dataset.fingerprint,
            "n_images": len(predictions),
            "n_covid": n_covid,
        },
        "prevalence": n_covid / len(predictions),
        "example_prevalence": record["config"]["prevalence"],
        "cutoff_probability": float(apply_temperature(cutoff, record["temperature"])[0]),
        "at_cutoff": _at_cutoff(predictions, record["basis"]),
    }


def _start(record: Mapping[str, Any]) -> str | None:
    # Champions of older versions do not say, and later ones may say what is unknown here.
    origin = ORIGINS.get(record.get("weights_origin", "none"), ORIGINS["none"])
    return f"Its backbone started {origin.start}." if origin.tag else None


def moved_probability(probability: float, *, prevalence: float, to: float) -> float:
    """Say what a probability is where another fraction of images is positive.

    By Bayes' rule, were the images of each class alike in both places.

    Args:
        probability: In (0, 1), calibrated where `prevalence` of the images are positive.
        prevalence: In (0, 1).
        to: The other fraction, in (0, 1).
    """
    odds = probability / (1 - probability)
    odds *= to / (1 - to) * (1 - prevalence) / prevalence
    return odds / (1 + odds)


def _at_cutoff(predictions: pd.DataFrame, basis: str) -> dict[str, Any]:
    """Count what the decisions found on the images of the basis, each at its own cut-off."""
    table = predictions[(predictions["part"] == basis) & predictions["cutoff"].notna()]
    positive = table["score"] >= table["cutoff"]
    return {
        "covid": _share(positive[table["label"] == 1]),
        "normal": _share(~positive[table["label"] == 0]),
    }


def _share(right: "pd.Series[bool]") -> dict[str, Any]:
    counts = [int(right.sum()), len(right)]
    return {"counts": counts, "interval": wilson(*counts)}
