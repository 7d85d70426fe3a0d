"""The folds: which images train, stop and test in each round of cross-validation."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.division import set_apart, whole_groups
from cxr_tasks.data.duplicates import IntArray
from cxr_tasks.volume.files import write_table

FILE_NAME = "folds.csv"
_COLUMNS = ["path", "label", "group"]
_PARTS = ("train", "val", "test")
PartArray = npt.NDArray[np.str_]


def make_folds(
    labels: IntArray, groups: IntArray, *, n_folds: int, n_repeats: int, seed: int
) -> PartArray:
    """Give every image its part in every round: each repeat tests each image once.

    Folds are stratified and keep groups whole, and so does the part of the rest that stops a
    round's training. Rounds are numbered through all repeats.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        n_folds: Rounds in a repeat, at least 2.
        n_repeats: How often the images are divided anew.
        seed: Decides the shuffles.

    Returns:
        `train`, `val` or `test`, shape (n, n_folds * n_repeats).

    Raises:
        DataError: A class has too few groups.
    """
    rounds = []
    for repeat in range(n_repeats):
        repeat_seed = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        for rest, tested in whole_groups(labels, groups, n_folds=n_folds, seed=repeat_seed):
            parts = np.full(len(labels), "train", dtype="<U5")
            parts[tested] = "test"
            _, val = set_apart(labels[rest], groups[rest], seed=repeat_seed)
            parts[rest[val]] = "val"
            rounds.append(parts)
    return np.stack(rounds, axis=1)


def write_folds(table: pd.DataFrame, parts: PartArray, *, built: Path) -> list[dict[str, Any]]:
    """Write `folds.csv`: path, label, group, and a column `fold-<round>` for each round.

    Returns:
        For each round its number and how many images are in each part.
    """
    columns = {f"fold-{number}": column for number, column in enumerate(parts.T, start=1)}
    folds = pd.concat([table[_COLUMNS], pd.DataFrame(columns, index=table.index)], axis=1)
    write_table(folds, built / FILE_NAME)
    return [
        {"round": number, **{f"n_{part}": int((column == part).sum()) for part in _PARTS}}
        for number, column in enumerate(parts.T, start=1)
    ]


def read_fold(folder: Path, number: int) -> pd.DataFrame:
    """Read one round in the shape of `read_split`: path, label, group, part."""
    folds = _read(folder)
    return folds[_COLUMNS].assign(part=folds[f"fold-{number}"])


def read_tested_in(folder: Path, *, n_folds: int) -> IntArray:
    """Say in which round of the first repeat each image is tested, from 1, shape (n,)."""
    folds = _read(folder)
    first = folds[[f"fold-{number}" for number in range(1, n_folds + 1)]]
    tested_in: IntArray = np.argmax(first.to_numpy() == "test", axis=1).astype(np.int64) + 1
    return tested_in


def _read(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / FILE_NAME, dtype=str, keep_default_na=False)
    return table.astype({"label": int, "group": int})
