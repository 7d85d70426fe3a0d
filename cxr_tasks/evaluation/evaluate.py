"""Evaluation: what every finished variant is worth, and how far the figures can be trusted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import PARTS, rows_of
from cxr_tasks.errors import TrainingError
from cxr_tasks.evaluation.banners import make_banners
from cxr_tasks.evaluation.external_dataset import Score, measure_external
from cxr_tasks.evaluation.predictions import (
    Predictions,
    choose_basis,
    predict_out_of_fold,
    predict_part,
)
from cxr_tasks.evaluation.recommendation import recommend
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.exact_tests import chance_test
from cxr_tasks.statistics.metrics import measure
from cxr_tasks.statistics.resampling import Resamples, group_resamples
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.statistics.significance import compare_pairs
from cxr_tasks.statistics.summary import describe
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json, write_json, write_table
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record, find_record, require_record
from cxr_tasks.wording import shown_variant

_RECORD_KEYS = ("schema_version", "stage", "inputs", "outputs", "versions", "config_fingerprint")

Explain = Callable[..., dict[str, Any] | None]


@dataclass(frozen=True)
class EvaluationInputs:
    """What an evaluation is made from.

    Attributes:
        run: With its trainings.
        config: Its configuration.
        dataset: The images.
        split: The part of each image.
        audit: The audit's record; None where it failed.
        control_scores: What the audit's controls say of each image; None likewise.
        external: The second data set, where there is one.
        score: Returns the probability of some rows of an image store by a saved model.
        explain: Writes where a saved model looks, as `explain_variant` does.
    """

    run: RunPaths
    config: RunConfig
    dataset: Dataset
    split: pd.DataFrame
    audit: Record | None
    control_scores: pd.DataFrame | None
    external: Dataset | None
    score: Score
    explain: Explain

    @property
    def basis(self) -> str:
        """What the figures are about: `oof`, `test` or `val`."""
        return choose_basis(self.split, n_folds=self.config.folds)

    def model_file(self, variant: str) -> Path:
        """Return where a variant's model is saved."""
        return self.run.train(variant) / "model.keras"


def make_comparison(inputs: EvaluationInputs, *, built: Path) -> Record:
    """Write predictions, metrics and explanations of each variant into `built`; compare them.

    Returns:
        The comparison: basis, variants with their statistics, pairs, recommendation, external
        test, verdict, banners.

    Raises:
        TrainingError: No variant has been trained.
    """
    run, config, basis = inputs.run, inputs.config, inputs.basis
    variants = {name: training_outcome(run, config, name) for name in VARIANTS}
    trained = [name for name, facts in variants.items() if facts["status"] == "ok"]
    if not trained:
        raise TrainingError(
            "No variant of this run has been trained.",
            "A comparison needs at least one finished training.",
            f"Read the reasons in {run.root / 'train'}, mend them, and run the run again.",
        )
    predictions = {name: _predict(name, inputs) for name in trained}
    scored = {name: each.scored for name, each in predictions.items()}
    first = predictions[trained[0]]
    # drawn once: every variant is measured on the same resamples
    resamples = group_resamples(first.scored.labels, first.scored.groups, seed=config.seed)
    for name, each in predictions.items():
        variants[name] |= _measure(name, each, inputs, resamples, built / name)
        variants[name]["explanation"] = _explain(name, each.scored, inputs, built / name)
    pairs = compare_pairs(
        scored, resamples, titles={name: VARIANTS[name].title for name in trained}
    )
    recommendation = _recommendation(scored, variants, pairs, basis)
    audit = make_verdict(
        inputs.audit,
        inputs.control_scores,
        scored,
        first.rows,
        about=shown_variant(recommendation),
        seed=config.seed,
    )
    write_json(built / "verdict.json", audit)
    return {
        "basis": basis,
        "folds": {"n_folds": config.folds, "n_repeats": config.repeats} if config.folds else None,
        "variants": variants,
        "pairs": pairs,
        "recommendation": recommendation,
        "external": _external(predictions, inputs),
        "audit": audit,
        "banners": make_banners(inputs.dataset, variants, recommendation, split_kind=config.split),
    }


def training_outcome(run: RunPaths, config: RunConfig, variant: str) -> Record:
    """Return how a variant's training ended: ok with its facts, failed with its error, skipped."""
    if variant not in config.variants:
        return {"status": "skipped", "error": None}
    if find_record(run.train(variant), TrainingRecord) is not None:
        record = require_record(run.train(variant), TrainingRecord)
        facts = {key: value for key, value in record.items() if key not in _RECORD_KEYS}
        total_seconds = facts["prepare_seconds"] + facts["train_seconds"]
        return {"status": "ok", "error": None, "total_seconds": total_seconds, **facts}
    error = run.error("train", variant)
    message = read_json(error)["message"] if error.exists() else "The training has not been run."
    return {"status": "failed", "error": message}


def _predict(name: str, inputs: EvaluationInputs) -> Predictions:
    config, split = inputs.config, inputs.split
    if inputs.basis == "oof":
        return predict_out_of_fold(
            split,
            inputs.run.train(name),
            n_folds=config.folds,
            n_repeats=config.repeats,
            min_sensitivity=config.min_sensitivity,
        )
    images = inputs.dataset.images
    scores = inputs.score(inputs.model_file(name), images, np.arange(len(images)))
    return predict_part(split, scores, basis=inputs.basis, min_sensitivity=config.min_sensitivity)


def _measure(
    name: str,
    predictions: Predictions,
    inputs: EvaluationInputs,
    resamples: Resamples,
    folder: Path,
) -> dict[str, Any]:
    config, table, rule = inputs.config, predictions.table, predictions.rule_for_new_images
    folder.mkdir()
    write_table(table, folder / "predictions.csv")
    statistics = describe(
        predictions.scored,
        resamples,
        prevalence=config.prevalence,
        min_sensitivity=config.min_sensitivity,
        temperatures=[each.temperature for each in predictions.rules],
        seed=config.seed,
    )
    metrics = {
        part: measure(rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64))
        for part in (*PARTS, "oof")
        if len(rows := table[table["part"] == part])
    }
    write_json(
        folder / "metrics.json",
        {"variant": name, "basis": inputs.basis, "parts": metrics, "statistics": statistics},
    )
    return metrics | {"statistics": statistics, "fixed": rule and asdict(rule)}


def _explain(
    name: str, scored: ScoredImages, inputs: EvaluationInputs, folder: Path
) -> dict[str, Any] | None:
    """Explain the saved model on images that did not train it."""
    part = "val" if inputs.basis == "oof" else inputs.basis
    rows, images = rows_of(inputs.split, part), inputs.dataset.images
    if inputs.basis == "oof":  # scored by the models of the folds, not by the saved one
        scores = inputs.score(inputs.model_file(name), images, rows)
        table = inputs.split.iloc[rows]
        labels, groups = (table[column].to_numpy(np.int64) for column in ("label", "group"))
        scored = ScoredImages(labels, scores, groups)
    return inputs.explain(inputs.model_file(name), images, rows, scored, part=part, built=folder)


def _recommendation(
    scored: Mapping[str, ScoredImages],
    variants: Mapping[str, Record],
    pairs: list[dict[str, Any]],
    basis: str,
) -> dict[str, Any]:
    return recommend(
        {name: int(each.are_right.sum()) for name, each in scored.items()},
        n_images=len(next(iter(scored.values()))),
        pairs=pairs,
        losses={name: variants[name][basis]["loss"] for name in scored},
        n_trainable={name: variants[name]["n_trainable_parameters"] for name in scored},
        chances={
            name: chance_test(each.are_right, each.labels, each.groups)
            for name, each in scored.items()
        },
        basis=basis,
    )


def _external(
    predictions: Mapping[str, Predictions], inputs: EvaluationInputs
) -> dict[str, Any] | None:
    if inputs.external is None:
        return None
    models = {
        name: (inputs.model_file(name), each.rule_for_new_images)
        for name, each in predictions.items()
    }
    return measure_external(
        inputs.external, inputs.dataset, models, config=inputs.config, score=inputs.score
    )
