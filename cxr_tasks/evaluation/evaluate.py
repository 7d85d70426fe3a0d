"""Evaluation: what every finished variant is worth, and how far the figures can be trusted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray
from cxr_tasks.data.split import PARTS, rows_of
from cxr_tasks.errors import TrainingError
from cxr_tasks.evaluation.banners import make_banners
from cxr_tasks.evaluation.basis import Judged, basis_of, judge_out_of_fold, judge_part
from cxr_tasks.evaluation.external import measure_external
from cxr_tasks.evaluation.recommendation import recommend
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.chance import chance_test
from cxr_tasks.statistics.metrics import measure
from cxr_tasks.statistics.resampling import N_RESAMPLES, Resamples, group_resamples
from cxr_tasks.statistics.scored import FloatArray
from cxr_tasks.statistics.significance import is_right, pairs
from cxr_tasks.statistics.summary import describe
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json, write_json, write_table
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record, find_record, require_record
from cxr_tasks.wording import shown_variant

_RECORD_KEYS = ("schema_version", "stage", "inputs", "outputs", "versions", "config_fingerprint")

Score = Callable[[Path, NDArray[np.uint8], IntArray], FloatArray]
Explain = Callable[..., dict[str, Any] | None]


@dataclass(frozen=True)
class Material:
    """What an evaluation is made from.

    Attributes:
        dataset: The images.
        split: The part of each image.
        audit: The audit's record; None where it failed.
        control_scores: What the audit's controls say of each image; None likewise.
        external: The second data set, where there is one.
        score: Gives the probability of some rows of an image store by a saved model.
        explain: Writes where a saved model looks, as `explain_variant` does.
    """

    dataset: Dataset
    split: pd.DataFrame
    audit: Record | None
    control_scores: pd.DataFrame | None
    external: Dataset | None
    score: Score
    explain: Explain


def make_comparison(run: RunPaths, config: RunConfig, material: Material, *, built: Path) -> Record:
    """Write predictions, metrics and explanations of each variant into `built`; compare them.

    Returns:
        The comparison: basis, variants with their statistics, pairs, recommendation, external
        test, verdict, banners.

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
    basis = basis_of(material.split, n_folds=config.folds)
    judged = {name: _judge(run.train(name), config, material, basis) for name in trained}
    resamples = _resamples(judged[trained[0]], config)
    for name in trained:
        variants[name] |= _describe(name, judged[name], resamples, config, basis, built)
        variants[name]["explanation"] = _explain(run, name, judged[name], material, basis, built)
    scored = {name: each.scored for name, each in judged.items()}
    compared = pairs(scored, resamples, titles={name: VARIANTS[name].title for name in trained})
    recommendation = _recommendation(judged, variants, compared, basis)
    audit = make_verdict(
        material.audit,
        material.control_scores,
        scored,
        judged[trained[0]].rows,
        about=shown_variant(recommendation),
        seed=config.seed,
    )
    write_json(built / "verdict.json", audit)
    return {
        "basis": basis,
        "folds": {"n_folds": config.folds, "n_repeats": config.repeats} if config.folds else None,
        "variants": variants,
        "pairs": compared,
        "recommendation": recommendation,
        "external": _external(run, config, judged, material),
        "audit": audit,
        "banners": make_banners(
            material.dataset, variants, recommendation, split_kind=config.split
        ),
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


def _judge(folder: Path, config: RunConfig, material: Material, basis: str) -> Judged:
    if basis == "oof":
        return judge_out_of_fold(
            material.split,
            folder,
            n_folds=config.folds,
            n_repeats=config.repeats,
            min_sensitivity=config.min_sensitivity,
        )
    images = material.dataset.images
    scores = material.score(folder / "model.keras", images, np.arange(len(images)))
    return judge_part(material.split, scores, basis=basis, min_sensitivity=config.min_sensitivity)


def _resamples(judged: Judged, config: RunConfig) -> Resamples:
    """Draw the patients once: every variant is measured on the same resamples."""
    return group_resamples(
        judged.scored.labels, judged.scored.groups, n_resamples=N_RESAMPLES, seed=config.seed
    )


def _describe(
    name: str, judged: Judged, resamples: Resamples, config: RunConfig, basis: str, built: Path
) -> dict[str, Any]:
    folder, table = built / name, judged.table
    folder.mkdir()
    write_table(table, folder / "predictions.csv")
    statistics = describe(
        judged.scored,
        resamples,
        prevalence=config.prevalence,
        min_sensitivity=config.min_sensitivity,
        temperatures=[each.temperature for each in judged.fixed],
        seed=config.seed,
    )
    metrics = {
        part: measure(rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64))
        for part in (*PARTS, "oof")
        if len(rows := table[table["part"] == part])
    }
    write_json(
        folder / "metrics.json",
        {"variant": name, "basis": basis, "parts": metrics, "statistics": statistics},
    )
    fixed = judged.for_new_images
    return metrics | {"statistics": statistics, "fixed": fixed and asdict(fixed)}


def _explain(
    run: RunPaths, name: str, judged: Judged, material: Material, basis: str, built: Path
) -> dict[str, Any] | None:
    """Explain the saved model on images that did not train it."""
    part = "val" if basis == "oof" else basis
    rows = rows_of(material.split, part)
    model_file, images = run.train(name) / "model.keras", material.dataset.images
    scored_here = basis != "oof"  # by the saved model, and not by those of the folds
    scores = judged.scored.scores if scored_here else material.score(model_file, images, rows)
    return material.explain(
        model_file,
        images,
        rows,
        material.split["label"].to_numpy(np.int64)[rows],
        scores,
        material.split["group"].to_numpy(np.int64)[rows],
        part=part,
        built=built / name,
    )


def _recommendation(
    judged: Mapping[str, Judged],
    variants: Mapping[str, Record],
    compared: list[dict[str, Any]],
    basis: str,
) -> dict[str, Any]:
    scored = {name: each.scored for name, each in judged.items()}
    right = {name: is_right(each) for name, each in scored.items()}
    return recommend(
        {name: int(each.sum()) for name, each in right.items()},
        n_images=len(next(iter(right.values()))),
        pairs=compared,
        losses={name: variants[name][basis]["loss"] for name in judged},
        n_trainable={name: variants[name]["n_trainable_parameters"] for name in judged},
        chances={
            name: chance_test(right[name], each.labels, each.groups)
            for name, each in scored.items()
        },
        basis=basis,
    )


def _external(
    run: RunPaths, config: RunConfig, judged: Mapping[str, Judged], material: Material
) -> dict[str, Any] | None:
    if material.external is None:
        return None
    models = {
        name: (run.train(name) / "model.keras", each.for_new_images)
        for name, each in judged.items()
    }
    return measure_external(
        material.external, material.dataset, models, config=config, score=material.score
    )
