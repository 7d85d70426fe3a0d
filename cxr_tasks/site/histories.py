"""Training curves of runs that are compared: of each epoch, over folds their mean and spread."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from cxr_tasks.errors import CxrError
from cxr_tasks.site.inside import checked_output
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.volume.paths import RunPaths

HISTORY_MEASURES = {"val_loss": "Validation loss", "val_accuracy": "Validation accuracy"}
"""The columns of `history.csv` that are drawn, with their titles."""

_MAX_EPOCHS = 10_000
_FOLD = re.compile(r"fold-\d{1,4}")


@dataclass(frozen=True)
class History:
    """One measure over a training's epochs; with folds their mean, and one SD around it."""

    epochs: tuple[int, ...]
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    n_folds: int = 0


_Epochs = dict[int, dict[str, float]]


def read_histories(run: RunPaths, variant: str) -> dict[str, History]:
    """Read how a variant's training went, by measure; what is missing or damaged is left out.

    Where the images were divided into folds, it is the folds' trainings that validated. Their
    mean is over those that still went on at an epoch, as far as half of them did.
    """
    folder = run.train(variant)
    folds = [each for place in _fold_folders(folder) if (each := _read(run, place))]
    whole = {} if folds else _read(run, folder)
    found = {}
    for measure in HISTORY_MEASURES:
        history = _of_folds(folds, measure) if folds else _of_one(whole, measure)
        if history.epochs:
            found[measure] = history
    return found


def _fold_folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _FOLD.fullmatch(path.name))
    except OSError:
        return []


def _read(run: RunPaths, folder: Path) -> _Epochs:
    """Read the finite values of each epoch; empty where the file cannot be relied on."""
    try:
        content = checked_output(run.root, folder / TrainingRecord.FILE, "history.csv")
        text = content.decode("utf-8") if content else ""
        return dict(_rows(text))
    except (CxrError, OSError, ValueError, RecursionError, csv.Error):
        return {}


def _rows(text: str) -> Iterator[tuple[int, dict[str, float]]]:
    for row in csv.DictReader(io.StringIO(text, newline="")):
        epoch = int(row.get("epoch") or "")
        if not 1 <= epoch <= _MAX_EPOCHS:
            raise ValueError(f"epoch {epoch}")
        values = {name: float(row.get(name) or "nan") for name in HISTORY_MEASURES}
        yield epoch, {name: value for name, value in values.items() if math.isfinite(value)}


def _of_one(epochs: _Epochs, measure: str) -> History:
    points = [(epoch, row[measure]) for epoch, row in sorted(epochs.items()) if measure in row]
    return History(tuple(epoch for epoch, _ in points), tuple(value for _, value in points))


def _of_folds(folds: Sequence[_Epochs], measure: str) -> History:
    at: dict[int, list[float]] = {}
    for fold in folds:
        for epoch, row in fold.items():
            if measure in row:
                at.setdefault(epoch, []).append(row[measure])
    least = max(2, -(-len(folds) // 2))
    known = [(epoch, values) for epoch, values in sorted(at.items()) if len(values) >= least]
    means, spreads = [mean(each) for _, each in known], [stdev(each) for _, each in known]
    return History(
        tuple(epoch for epoch, _ in known),
        tuple(means),
        tuple(middle - sd for middle, sd in zip(means, spreads, strict=True)),
        tuple(middle + sd for middle, sd in zip(means, spreads, strict=True)),
        n_folds=len(folds),
    )
