"""The split: which image trains, which one stops the training, which one only tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, group_images
from cxr_tasks.errors import DataError

PAPER_VALIDATION_FRACTION = 0.25
GROUPED_PARTS = 5
"""A fifth of the groups tests, a fifth of the rest validates: 64 / 16 / 20 % of the images."""

COLUMNS = ["path", "label", "group", "part"]
PARTS = ("train", "val", "test")
PartArray = npt.NDArray[np.str_]


def make_split(dataset: Dataset, *, kind: str, seed: int, built: Path) -> dict[str, Any]:
    """Write `split.csv` into `built` and describe it.

    Args:
        dataset: What was ingested.
        kind: `paper` or `grouped`.
        seed: Decides the shuffle.
        built: The folder to write into.

    Raises:
        DataError: A part would lack a class.
    """
    labels = dataset.index["label"].to_numpy(dtype=np.int64)
    groups, copies = group_images(dataset.index, dataset.images)
    parts = SPLITS[kind](labels, groups, seed)
    table = pd.DataFrame(
        {"path": dataset.index["path"], "label": labels, "group": groups, "part": parts}
    )
    _check_parts(table, kind)
    table.to_csv(built / "split.csv", index=False, columns=COLUMNS, lineterminator="\n")
    return {"kind": kind, **_describe(table, n_duplicate_images=len(np.unique(copies)))}


def split_paper(labels: IntArray, _groups: IntArray, seed: int) -> PartArray:
    """Split as `keras.utils.image_dataset_from_directory(validation_split=0.25)` does.

    Keras shuffles the sorted files with a fresh `RandomState(seed)` and takes the last
    `int(0.25 * n)` to validate; neither class nor patient is looked at, nothing tests.

    Args:
        labels: Shape (n,), in Keras' order of files.
        seed: Keras' `seed`.

    Returns:
        The part of each image, shape (n,).
    """
    order = np.arange(len(labels))
    np.random.RandomState(seed).shuffle(order)  # legacy, but the one Keras uses
    n_val = int(PAPER_VALIDATION_FRACTION * len(labels))
    parts = np.full(len(labels), "train", dtype="<U5")
    parts[order[len(labels) - n_val :]] = "val"
    return parts


def split_grouped(labels: IntArray, groups: IntArray, seed: int) -> PartArray:
    """Split into train, val and test, stratified, each group in one part only.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides the shuffle.

    Returns:
        The part of each image, shape (n,).

    Raises:
        DataError: A class has too few groups for three parts.
    """
    _check_enough_groups(labels, groups)
    parts = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for part in ("test", "val"):
        folds = StratifiedGroupKFold(GROUPED_PARTS, shuffle=True, random_state=seed)
        kept, taken = next(folds.split(rest, labels[rest], groups[rest]))
        parts[rest[taken]] = part
        rest = rest[kept]
    return parts


SPLITS: dict[str, Callable[[IntArray, IntArray, int], PartArray]] = {
    "paper": split_paper,
    "grouped": split_grouped,
}


def read_split(folder: Path) -> pd.DataFrame:
    """Read `split.csv`: path, label, group and part of each image, in the index' order."""
    return pd.read_csv(
        folder / "split.csv",
        dtype={"path": str, "label": int, "group": int, "part": str},
        keep_default_na=False,
    )


def rows_of(table: pd.DataFrame, part: str) -> IntArray:
    """Give the rows of the image store that belong to a part, shape (n_part,)."""
    return np.flatnonzero(table["part"].to_numpy() == part)


def _check_enough_groups(labels: IntArray, groups: IntArray) -> None:
    for label, name in ((1, "COVID-19"), (0, "normal")):
        n_groups = len(np.unique(groups[labels == label]))
        if n_groups < GROUPED_PARTS:
            raise DataError(
                f"The class {name} has {n_groups} groups (patients, or images with copies).",
                f"split='grouped' needs at least {GROUPED_PARTS} groups of each class.",
                "Add images of more patients, or use split=paper.",
            )


def _check_parts(table: pd.DataFrame, kind: str) -> None:
    for part, rows in table.groupby("part"):
        if rows["label"].nunique() < 2:
            raise DataError(
                f"The part {part!r} ({len(rows)} images) has images of one class only.",
                "Every part needs both classes, or sensitivity or specificity is undefined.",
                f"Add images, or try another seed or split than {kind!r}.",
            )


def _describe(table: pd.DataFrame, *, n_duplicate_images: int) -> dict[str, Any]:
    n_parts = table.groupby("group")["part"].transform("nunique")
    return {
        "parts": {
            part: {
                "n_images": len(rows),
                "n_covid": int((rows["label"] == 1).sum()),
                "n_normal": int((rows["label"] == 0).sum()),
                "n_groups": int(rows["group"].nunique()),
            }
            for part in PARTS
            if len(rows := table[table["part"] == part])
        },
        "n_groups": int(table["group"].nunique()),
        "n_duplicate_images": n_duplicate_images,
        "n_groups_across_parts": int(table.loc[n_parts > 1, "group"].nunique()),
        "n_images_in_groups_across_parts": int((n_parts > 1).sum()),
    }
