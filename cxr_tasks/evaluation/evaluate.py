"""Evaluation: every finished variant scores every image, and the scores are compared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import PARTS
from cxr_tasks.errors import TrainingError
from cxr_tasks.evaluation.banners import make_banners
from cxr_tasks.evaluation.metrics import FloatArray, measure, predict
from cxr_tasks.evaluation.recommendation import recommend
from cxr_tasks.files import read_json, write_json
from cxr_tasks.paths import RunPaths
from cxr_tasks.records import Record, find_record, require_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.variants import VARIANTS

COLUMNS = ["path", "label", "part", "score", "prediction"]
_RECORD_KEYS = ("schema_version", "stage", "inputs", "outputs", "versions", "config_fingerprint")

Score = Callable[[Path, Dataset], FloatArray]


def make_comparison(
    run: RunPaths,
    config: RunConfig,
    *,
    dataset: Dataset,
    split: pd.DataFrame,
    score: Score,
    built: Path,
) -> Record:
    """Write predictions and metrics of each variant into `built`, and compare them.

    Args:
        run: The run whose trainings are finished or have failed.
        config: Its configuration.
        dataset: The images.
        split: The part of each image.
        score: Gives the probability of COVID-19 of every image by a saved model, shape (n,).
        built: The folder to write into.

    Returns:
        The comparison: basis, variants, recommendation, banners.

    Raises:
        TrainingError: No variant has been trained.
    """
    variants = {name: training_outcome(run, config, name) for name in VARIANTS}
    trained = [name for name, facts in variants.items() if facts["status"] == "ok"]
    if not trained:
        raise TrainingError(
            "No variant of this run has been trained.",
            "A comparison needs at least one finished training.",
            f"Read the reasons in {run.root / 'train'}, mend them, and run the run again.",
        )
    basis = "test" if (split["part"] == "test").any() else "val"
    tables = {}
    for name in trained:
        tables[name] = _predictions(split, score(run.train(name) / "model.keras", dataset))
        variants[name] |= _write_variant(built / name, name, tables[name])
    recommendation = _recommendation(tables, variants, basis)
    banners = make_banners(dataset, variants, recommendation, split_kind=config.split)
    return {
        "basis": basis,
        "variants": variants,
        "recommendation": recommendation,
        "banners": banners,
    }


def training_outcome(run: RunPaths, config: RunConfig, variant: str) -> Record:
    """Say how a variant's training ended: ok with its facts, failed with its error, skipped."""
    if variant not in config.variants:
        return {"status": "skipped", "error": None}
    if find_record(run.train(variant), "train") is not None:
        record = require_record(run.train(variant), "train")
        facts = {key: value for key, value in record.items() if key not in _RECORD_KEYS}
        total_seconds = facts["prepare_seconds"] + facts["train_seconds"]
        return {"status": "ok", "error": None, "total_seconds": total_seconds, **facts}
    error = run.error("train", variant)
    message = read_json(error)["message"] if error.exists() else "The training has not been run."
    return {"status": "failed", "error": message}


def _predictions(split: pd.DataFrame, scores: FloatArray) -> pd.DataFrame:
    table = split[["path", "label", "part"]].copy()
    table["score"] = scores
    table["prediction"] = predict(scores)
    return table


def _write_variant(folder: Path, name: str, table: pd.DataFrame) -> dict[str, Any]:
    folder.mkdir()
    table.to_csv(folder / "predictions.csv", index=False, columns=COLUMNS, lineterminator="\n")
    metrics = {
        part: measure(rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64))
        for part in PARTS
        if len(rows := table[table["part"] == part])
    }
    write_json(folder / "metrics.json", {"variant": name, "parts": metrics})
    return metrics


def _recommendation(
    tables: dict[str, pd.DataFrame], variants: dict[str, Record], basis: str
) -> dict[str, Any]:
    is_covid = next(iter(tables.values())).query("part == @basis")["label"].mean()
    right = {
        name: (rows["prediction"] == rows["label"]).to_numpy()
        for name, table in tables.items()
        if len(rows := table[table["part"] == basis])
    }
    return recommend(
        right,
        losses={name: variants[name][basis]["loss"] for name in right},
        train_seconds={name: variants[name]["total_seconds"] for name in right},
        chance=max(is_covid, 1 - is_covid),
        basis=basis,
    )
