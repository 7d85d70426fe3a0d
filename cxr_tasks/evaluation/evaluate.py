"""Evaluation: what every finished variant is worth, and how far the figures can be trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit_record import AuditFacts
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.relabelling import read_decided
from cxr_tasks.data.split import rows_of
from cxr_tasks.data.split_record import FoldNumbers
from cxr_tasks.errors import TrainingError
from cxr_tasks.evaluation.banners import make_banners
from cxr_tasks.evaluation.comparison_record import (
    ComparisonFacts,
    ExternalFacts,
    MetricsFile,
    RecommendationFacts,
    ScoredPart,
    TrainedVariant,
    UntrainedVariant,
    VariantOutcome,
)
from cxr_tasks.evaluation.explanation_record import ExplanationFacts
from cxr_tasks.evaluation.external_dataset import Score, measure_external
from cxr_tasks.evaluation.label_suspects import find_label_suspects
from cxr_tasks.evaluation.predictions import (
    Predictions,
    choose_basis,
    predict_out_of_fold,
    predict_part,
)
from cxr_tasks.evaluation.recommendation import recommend
from cxr_tasks.evaluation.subgroups import Scored, make_subgroups
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.runs.failure import read_failure
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.exact_tests import chance_test
from cxr_tasks.statistics.figures_record import Basis, PairFacts
from cxr_tasks.statistics.metrics import measure
from cxr_tasks.statistics.resampling import Resamples, group_resamples
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.statistics.significance import compare_pairs
from cxr_tasks.statistics.summary import describe
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json, write_table
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record, require_record

_RECORD_KEYS = {"schema_version", "stage", "inputs", "outputs", "versions", "config_fingerprint"}

Explain = Callable[..., ExplanationFacts | None]


@dataclass(frozen=True)
class EvaluationInputs:
    """What an evaluation is made from."""

    run: RunPaths  # with its trainings
    config: RunConfig
    dataset: Dataset
    split: pd.DataFrame  # the part of each image
    audit: AuditFacts | None  # None where it failed
    # what the audit's controls say of each image; None where it failed
    control_scores: pd.DataFrame | None
    external: Dataset | None  # the second data set, where there is one
    score: Score  # returns the probability of some rows of an image store by a saved model
    explain: Explain  # writes where a saved model looks, as `explain_variant` does

    @property
    def basis(self) -> Basis:
        """What the figures are about."""
        return choose_basis(self.split, n_folds=self.config.folds)

    def model_file(self, variant: str) -> Path:
        """Return where a variant's model is saved."""
        return self.run.train(variant) / "model.keras"


def make_comparison(inputs: EvaluationInputs, *, built: Path) -> ComparisonFacts:
    """Write predictions, metrics and explanations of each variant into `built`; compare them.

    Which labels look wrong is written there too.

    Raises:
        TrainingError: No variant has been trained.
    """
    run, config, basis = inputs.run, inputs.config, inputs.basis
    trainings: dict[str, TrainingRecord] = {
        name: require_record(run.train(name), TrainingRecord)
        for name in VARIANTS
        if name in config.variants and find_record(run.train(name), TrainingRecord) is not None
    }
    if not trainings:
        raise TrainingError(
            "No variant of this run has been trained.",
            "A comparison needs at least one finished training.",
            f"Read the reasons in {run.root / 'train'}, mend them, and run the run again.",
        )
    predictions = {name: _predict(name, inputs) for name in trainings}
    scored = {name: each.scored for name, each in predictions.items()}
    first = next(iter(predictions.values()))
    # drawn once: every variant is measured on the same resamples
    resamples = group_resamples(first.scored.labels, first.scored.groups, seed=config.seed)
    measured = {
        name: _measure(trainings[name], each, inputs, resamples, built / name)
        for name, each in predictions.items()
    }
    variants = {name: measured.get(name) or _untrained(run, config, name) for name in VARIANTS}
    pairs = compare_pairs(
        scored, resamples, titles={name: VARIANTS[name].title for name in trainings}
    )
    recommendation = _recommendation(scored, measured, pairs, basis)
    audit = make_verdict(
        inputs.audit,
        inputs.control_scores,
        scored,
        first.rows,
        about=recommendation.shown,
        seed=config.seed,
    )
    write_json(built / "verdict.json", audit.content())
    find_label_suspects(
        inputs.dataset,
        inputs.split,
        predictions,
        chances=recommendation.chance,
        basis=basis,
        decided=read_decided(run.home.datasets / inputs.dataset.fingerprint),
        built=built,
    )
    return ComparisonFacts(
        basis=basis,
        folds=FoldNumbers(n_folds=config.folds, n_repeats=config.repeats) if config.folds else None,
        variants=variants,
        pairs=pairs,
        recommendation=recommendation,
        external=_external(predictions, inputs),
        audit=audit,
        banners=make_banners(
            inputs.dataset,
            variants,
            recommendation,
            split_kind=config.split,
            decisions_file=config.label_decisions,
        ),
        subgroups=make_subgroups(
            Scored(inputs.dataset.index.iloc[first.rows], scored, recommendation.shown, config.seed)
        ),
    )


def _untrained(run: RunPaths, config: RunConfig, variant: str) -> VariantOutcome:
    if variant not in config.variants:
        return UntrainedVariant(status="skipped", error=None)
    error = run.error("train", variant)
    if not error.exists():
        return UntrainedVariant(status="failed", error="The training has not been run.")
    return UntrainedVariant(status="failed", error=read_failure(error).message)


def _predict(name: str, inputs: EvaluationInputs) -> Predictions:
    config, split = inputs.config, inputs.split
    if inputs.basis == "oof":
        return predict_out_of_fold(
            split,
            inputs.run.train(name),
            n_folds=config.folds,
            n_repeats=config.repeats,
            n_measured=config.n_repeats_of(name),
            min_sensitivity=config.min_sensitivity,
        )
    images = inputs.dataset.images
    scores = inputs.score(inputs.model_file(name), images, np.arange(len(images)))
    return predict_part(split, scores, basis=inputs.basis, min_sensitivity=config.min_sensitivity)


def _measure(
    training: TrainingRecord,
    predictions: Predictions,
    inputs: EvaluationInputs,
    resamples: Resamples,
    folder: Path,
) -> TrainedVariant:
    config, table, name = inputs.config, predictions.table, training.variant
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
    measures = {
        part: measure(rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64))
        for part in get_args(ScoredPart)
        if len(rows := table[table["part"] == part])
    }
    metrics = MetricsFile(variant=name, basis=inputs.basis, parts=measures, statistics=statistics)
    write_json(folder / "metrics.json", metrics.content())
    return TrainedVariant(
        status="ok",
        error=None,
        total_seconds=training.prepare_seconds + training.train_seconds,
        **{**training.model_dump(exclude_unset=True, exclude=_RECORD_KEYS), **measures},
        statistics=statistics,
        fixed=predictions.rule_for_new_images,
        explanation=_explain(name, predictions.scored, inputs, folder),
    )


def _explain(
    name: str, scored: ScoredImages, inputs: EvaluationInputs, folder: Path
) -> ExplanationFacts | None:
    """Explain the saved model on images that did not train it."""
    part = "val" if inputs.basis == "oof" else inputs.basis
    rows, images = rows_of(inputs.split, part), inputs.dataset.images
    wrong = ~scored.are_right
    if inputs.basis == "oof":  # scored by the models of the folds, not by the saved one
        scores = inputs.score(inputs.model_file(name), images, rows)
        table = inputs.split.iloc[rows]
        labels, groups = (table[column].to_numpy(np.int64) for column in ("label", "group"))
        scored, wrong = ScoredImages(labels, scores, groups), wrong[rows]
    return inputs.explain(
        inputs.model_file(name), images, rows, scored, wrong=wrong, part=part, built=folder
    )


def _recommendation(
    scored: Mapping[str, ScoredImages],
    measured: Mapping[str, TrainedVariant],
    pairs: list[PairFacts],
    basis: Basis,
) -> RecommendationFacts:
    return recommend(
        {name: int(each.are_right.sum()) for name, each in scored.items()},
        n_images=len(next(iter(scored.values()))),
        pairs=pairs,
        losses={name: each.measures(basis).loss for name, each in measured.items()},
        n_trainable={name: each.n_trainable_parameters for name, each in measured.items()},
        chances={
            name: chance_test(each.are_right, each.labels, each.groups)
            for name, each in scored.items()
        },
        basis=basis,
    )


def _external(
    predictions: Mapping[str, Predictions], inputs: EvaluationInputs
) -> ExternalFacts | None:
    if inputs.external is None:
        return None
    models = {
        name: (inputs.model_file(name), each.rule_for_new_images)
        for name, each in predictions.items()
    }
    return measure_external(
        inputs.external, inputs.dataset, models, config=inputs.config, score=inputs.score
    )
