"""A variant's predictions on the images its figures are about: a part of the split, or out of fold.

What has to be fixed before a score counts, temperature and cut-off, is fitted on validation
images and applied to images that had no part in it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.data.split import rows_of
from cxr_tasks.evaluation.comparison_record import DecisionRule
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.calibration import apply_temperature, fit_temperature
from cxr_tasks.statistics.figures_record import Basis
from cxr_tasks.statistics.scores import (
    FloatArray,
    IntArray,
    ScoredImages,
    choose_threshold,
    predict,
)
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import load_model, predict_scores
from cxr_tasks.training.train import fold_folder
from cxr_tasks.volume.progress import duration

_ROUND_TYPES = {"row": int, "path": str, "label": int, "group": int, "part": str}


@dataclass(frozen=True)
class Predictions:
    """A variant's predictions, ready to be measured."""

    scored: ScoredImages  # the images of the basis
    rows: IntArray  # which rows of the data set they are, shape (n,)
    table: pd.DataFrame  # `predictions.csv`: a row for each image of the data set
    # what was fitted for `scored`: once, or in every round; empty where nothing could
    rules: tuple[DecisionRule, ...]

    @property
    def rule_for_new_images(self) -> DecisionRule | None:
        """The rule that the saved model is used with: the median of those that were fitted."""
        if not self.rules:
            return None
        return DecisionRule(
            temperature=float(median(rule.temperature for rule in self.rules)),
            cutoff=float(median(rule.cutoff for rule in self.rules)),
        )


def score_images(
    model_file: Path,
    images: NDArray[np.uint8],
    rows: NDArray[np.intp],
    *,
    config: RunConfig,
    note: Callable[[str], None],
    load: Callable[[Path], Any] = load_model,
) -> FloatArray:
    """Score some images of a store by a saved model.

    Args:
        model_file: A model that training has saved.
        images: uint8, shape (n_images, 224, 224, 3), memory-mapped or not.
        rows: Shape (n,); which of them.
        config: Decides threads and seed, as in training.
        note: Called with a line on how long it took.
        load: Loads the model; one that keeps what it has loaded saves a graph for each new set of
            images.

    Returns:
        The probability of COVID-19, shape (n,), in [0, 1].

    Raises:
        ArtifactError: The file is no model.
    """
    start_keras(threads=config.threads, seed=config.seed)
    model = load(model_file)
    started = time.monotonic()
    scores = predict_scores(model, images, rows)
    seconds = duration(time.monotonic() - started)
    note(f"{model_file.parent.name} scored {len(scores)} images in {seconds}")
    return scores


def choose_basis(split: pd.DataFrame, *, n_folds: int) -> Basis:
    """Name what the figures are about: `oof`, `test`, or for lack of both `val`."""
    if n_folds:
        return "oof"
    return "test" if (split["part"] == "test").any() else "val"


def predict_part(
    split: pd.DataFrame, scores: FloatArray, *, basis: Basis, min_sensitivity: float
) -> Predictions:
    """Predict a part of the split.

    With basis `val` nothing can be fitted: no other images are left that did not train.

    Args:
        split: The part of each image.
        scores: Of every image, shape (n_images,).
        basis: `test` or `val`.
        min_sensitivity: Of the cut-off, in (0, 1].
    """
    labels, rows = split["label"].to_numpy(np.int64), rows_of(split, basis)
    rule = None
    if basis == "test":
        val = rows_of(split, "val")
        rule = fit_rule(labels[val], scores[val], min_sensitivity=min_sensitivity)
    groups = split["group"].to_numpy(np.int64)
    scored = apply_rule(ScoredImages(labels[rows], scores[rows], groups[rows]), rule)
    table = split[["path", "label", "group", "part"]].assign(fold=0, score=scores)
    return Predictions(scored, rows, _with_decisions(table, rows, scored), (rule,) if rule else ())


def predict_out_of_fold(
    split: pd.DataFrame,
    folder: Path,
    *,
    n_folds: int,
    n_repeats: int,
    n_measured: int,
    min_sensitivity: float,
) -> Predictions:
    """Predict every image by the models that had not seen it.

    Over repeats an image's probabilities, calibrated ones and cut-offs are averaged; the number
    of images stays what it is.

    Args:
        split: Every image, with label and group.
        folder: The variant's training, with its folds.
        n_folds: Rounds in a repeat.
        n_repeats: How many divisions of the images are averaged.
        n_measured: How many there are; those beyond give their own scores and nothing else.
        min_sensitivity: Of the cut-offs, in (0, 1].
    """
    n = len(split)
    sums = np.zeros((3, n))
    folds, rules = np.zeros(n, np.int64), []
    by_repeat = np.zeros((n_measured, n))
    for number in range(1, n_folds * n_measured + 1):
        file = fold_folder(folder, number) / "scores.csv"
        table = pd.read_csv(file, dtype=_ROUND_TYPES, keep_default_na=False)
        labels, scores = table["label"].to_numpy(np.int64), table["score"].to_numpy()
        val, test = (rows_of(table, part) for part in ("val", "test"))
        rows = table["row"].to_numpy()[test]
        by_repeat[(number - 1) // n_folds, rows] = scores[test]
        if number > n_folds * n_repeats:
            continue
        rule = fit_rule(labels[val], scores[val], min_sensitivity=min_sensitivity)
        sums[0, rows] += scores[test]
        sums[1, rows] += apply_temperature(scores[test], rule.temperature)
        sums[2, rows] += rule.cutoff
        folds[rows] = np.where(folds[rows] == 0, number, folds[rows])
        rules.append(rule)
    means, calibrated, cutoffs = sums / n_repeats
    labels, groups = (split[name].to_numpy(np.int64) for name in ("label", "group"))
    scored = ScoredImages(labels, means, groups, folds, calibrated, cutoffs, by_repeat)
    table = split[["path", "label", "group"]].assign(part="oof", fold=folds, score=means)
    rows = np.arange(n)
    return Predictions(scored, rows, _with_decisions(table, rows, scored), tuple(rules))


def fit_rule(labels: IntArray, scores: FloatArray, *, min_sensitivity: float) -> DecisionRule:
    """Fit temperature and cut-off on images that did not train."""
    return DecisionRule(
        temperature=fit_temperature(labels, scores),
        cutoff=choose_threshold(labels, scores, min_sensitivity=min_sensitivity),
    )


def apply_rule(scored: ScoredImages, rule: DecisionRule | None) -> ScoredImages:
    """Calibrate and decide on scores of one model by a rule that was fitted on other images."""
    if rule is None:
        return scored
    return replace(
        scored,
        calibrated=apply_temperature(scored.scores, rule.temperature),
        cutoffs=np.full(len(scored), rule.cutoff),
    )


def _with_decisions(table: pd.DataFrame, rows: IntArray, scored: ScoredImages) -> pd.DataFrame:
    """Add what the cut-offs make of the scores; empty where no cut-off was fitted."""
    for name, values in (("calibrated", scored.calibrated), ("cutoff", scored.cutoffs)):
        column = np.full(len(table), np.nan)
        if values is not None:
            column[rows] = values
        table = table.assign(**{name: column})
    table = table.assign(prediction=predict(table["score"].to_numpy()))
    decided = (table["score"] >= table["cutoff"]).astype("Int64")
    return table.assign(decision=decided.mask(table["cutoff"].isna()))
