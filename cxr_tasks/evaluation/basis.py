"""From a variant's scores to those its figures are about: a part of the split, or out of fold.

What has to be fixed before a score counts, temperature and cut-off, is fitted on validation
images and applied to images that had no part in it.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from cxr_tasks.data.split import rows_of
from cxr_tasks.statistics.calibration import apply_temperature, fit_temperature
from cxr_tasks.statistics.metrics import predict
from cxr_tasks.statistics.scored import FloatArray, IntArray, Scored
from cxr_tasks.statistics.thresholds import choose_threshold
from cxr_tasks.training.train import fold_folder

COLUMNS = [
    "path",
    "label",
    "group",
    "part",
    "fold",
    "score",
    "calibrated",
    "cutoff",
    "prediction",
    "decision",
]
_ROUND_TYPES = {"row": int, "path": str, "label": int, "group": int, "part": str}


@dataclass(frozen=True)
class Fixed:
    """What was fixed on validation images: temperature, and cut-off at the chosen sensitivity."""

    temperature: float
    cutoff: float

    @classmethod
    def on(cls, labels: IntArray, scores: FloatArray, *, min_sensitivity: float) -> "Fixed":
        """Fix both on images that did not train; the cut-off is of scores as they come."""
        return cls(
            fit_temperature(labels, scores),
            choose_threshold(labels, scores, min_sensitivity=min_sensitivity),
        )


@dataclass(frozen=True)
class Judged:
    """A variant's scores, ready to be measured.

    Attributes:
        scored: Of the images of the basis.
        rows: Which rows of the data set they are, shape (n,).
        table: `predictions.csv`: a row for each image of the data set.
        fixed: What was fixed for `scored`: once, or in every round; empty where nothing could.
    """

    scored: Scored
    rows: IntArray
    table: pd.DataFrame
    fixed: tuple[Fixed, ...]

    @property
    def for_new_images(self) -> Fixed | None:
        """Give what the saved model is used with: the median of what was fixed."""
        if not self.fixed:
            return None
        return Fixed(
            float(median(each.temperature for each in self.fixed)),
            float(median(each.cutoff for each in self.fixed)),
        )


def basis_of(split: pd.DataFrame, *, n_folds: int) -> str:
    """Name what the figures are about: `oof`, `test`, or for lack of both `val`."""
    if n_folds:
        return "oof"
    return "test" if (split["part"] == "test").any() else "val"


def judge_part(
    split: pd.DataFrame, scores: FloatArray, *, basis: str, min_sensitivity: float
) -> Judged:
    """Judge a variant on a part of the split.

    With basis `val` nothing can be fixed: no other images are left that did not train.

    Args:
        split: The part of each image.
        scores: Of every image, shape (n_images,).
        basis: `test` or `val`.
        min_sensitivity: Of the cut-off, in (0, 1].
    """
    labels, rows = split["label"].to_numpy(np.int64), rows_of(split, basis)
    fixed: tuple[Fixed, ...] = ()
    if basis == "test":
        val = rows_of(split, "val")
        fixed = (Fixed.on(labels[val], scores[val], min_sensitivity=min_sensitivity),)
    scored = apply_fixed(
        labels[rows],
        scores[rows],
        split["group"].to_numpy(np.int64)[rows],
        fixed=fixed[0] if fixed else None,
    )
    table = split[["path", "label", "group", "part"]].assign(fold=0, score=scores)
    return Judged(scored, rows, _with_decisions(table, rows, scored), fixed)


def judge_out_of_fold(
    split: pd.DataFrame, folder: Path, *, n_folds: int, n_repeats: int, min_sensitivity: float
) -> Judged:
    """Judge a variant on every image by the models that had not seen it.

    Over repeats an image's probabilities, calibrated ones and cut-offs are averaged; the number
    of images stays what it is.

    Args:
        split: Every image, with label and group.
        folder: The variant's training, with its folds.
        n_folds: Rounds in a repeat.
        n_repeats: How often the images were divided.
        min_sensitivity: Of the cut-offs, in (0, 1].
    """
    n = len(split)
    sums = np.zeros((3, n))
    folds, fixed = np.zeros(n, np.int64), []
    for number in range(1, n_folds * n_repeats + 1):
        table = _read_round(fold_folder(folder, number))
        labels, scores = table["label"].to_numpy(np.int64), table["score"].to_numpy()
        val, test = (rows_of(table, part) for part in ("val", "test"))
        here = Fixed.on(labels[val], scores[val], min_sensitivity=min_sensitivity)
        rows = table["row"].to_numpy()[test]
        sums[0, rows] += scores[test]
        sums[1, rows] += apply_temperature(scores[test], here.temperature)
        sums[2, rows] += here.cutoff
        folds[rows] = np.where(folds[rows] == 0, number, folds[rows])
        fixed.append(here)
    scored = Scored(
        split["label"].to_numpy(np.int64),
        sums[0] / n_repeats,
        split["group"].to_numpy(np.int64),
        folds,
        sums[1] / n_repeats,
        sums[2] / n_repeats,
    )
    table = split[["path", "label", "group"]].assign(part="oof", fold=folds, score=scored.scores)
    rows = np.arange(n)
    return Judged(scored, rows, _with_decisions(table, rows, scored), tuple(fixed))


def apply_fixed(
    labels: IntArray, scores: FloatArray, groups: IntArray, *, fixed: Fixed | None
) -> Scored:
    """Score images by one model, with what was fixed elsewhere."""
    return Scored(
        labels,
        scores,
        groups,
        np.zeros(len(labels), np.int64),
        apply_temperature(scores, fixed.temperature) if fixed else None,
        np.full(len(labels), fixed.cutoff) if fixed else None,
    )


def _read_round(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "scores.csv", dtype=_ROUND_TYPES, keep_default_na=False)


def _with_decisions(table: pd.DataFrame, rows: IntArray, scored: Scored) -> pd.DataFrame:
    """Add what the cut-offs make of the scores; empty where no cut-off was fixed."""
    table = table.assign(prediction=predict(table["score"].to_numpy()))
    for name, values in (("calibrated", scored.calibrated), ("cutoff", scored.cutoffs)):
        column = np.full(len(table), np.nan)
        if values is not None:
            column[rows] = values
        table[name] = column
    decided = (table["score"] >= table["cutoff"]).astype("Int64")
    table["decision"] = decided.mask(table["cutoff"].isna())
    return table[COLUMNS]
