"""The split: which image trains, which one stops the training, which one only tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.division import FIFTH, set_apart
from cxr_tasks.data.duplicates import IntArray, group_images
from cxr_tasks.data.folds import PartArray, make_folds, write_folds
from cxr_tasks.errors import DataError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import write_table

PAPER_VALIDATION_FRACTION = 0.25
COLUMNS = ["path", "label", "group", "part"]
PARTS = ("train", "val", "test")


def make_split(dataset: Dataset, config: RunConfig, *, built: Path) -> dict[str, Any]:
    """Write `split.csv`, and with folds `folds.csv`, into `built` and describe them.

    With folds, the split is that of the final fit: nothing tests, since every image is tested
    in some fold.

    Args:
        dataset: What was ingested.
        config: Names the kind of split, the folds and the seed.
        built: The folder to write into.

    Raises:
        DataError: A part would lack a class, or be empty.
    """
    labels = dataset.index["label"].to_numpy(dtype=np.int64)
    groups, copies = group_images(dataset.index, dataset.images)
    if config.split == "paper":
        parts = split_paper(labels, seed=config.seed)
    else:
        n_parts = None if config.folds else config.test_one_in
        parts = split_grouped(labels, groups, seed=config.seed, test_one_in=n_parts)
    table = pd.DataFrame(
        {"path": dataset.index["path"], "label": labels, "group": groups, "part": parts}
    )
    _check_parts(table, config)
    write_table(table[COLUMNS], built / "split.csv")
    return {
        "kind": config.split,
        **_describe(table, n_duplicate_images=len(np.unique(copies))),
        "folds": _divide_into_folds(table, config, built) if config.folds else None,
    }


def split_paper(labels: IntArray, *, seed: int) -> PartArray:
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


def split_grouped(
    labels: IntArray, groups: IntArray, *, seed: int, test_one_in: int | None = FIFTH
) -> PartArray:
    """Split into train, val and test, stratified, each group in one part only.

    A part tests, a fifth of the rest validates; where a fifth tests: 64 / 16 / 20 % of the images.

    Args:
        labels: Shape (n,); 1 is COVID-19.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides the shuffle.
        test_one_in: One image in so many tests; None for no test part.

    Returns:
        The part of each image, shape (n,).

    Raises:
        DataError: A class has too few groups for three parts.
    """
    parts = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for part, one_in in (("test", test_one_in), ("val", FIFTH)):
        if one_in is None:
            continue
        kept, taken = set_apart(labels[rest], groups[rest], one_in=one_in, seed=seed)
        parts[rest[taken]] = part
        rest = rest[kept]
    return parts


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


def _divide_into_folds(table: pd.DataFrame, config: RunConfig, built: Path) -> dict[str, Any]:
    parts = make_folds(
        table["label"].to_numpy(),
        table["group"].to_numpy(),
        n_folds=config.folds,
        n_repeats=config.repeats,
        seed=config.seed,
    )
    for column in parts.T:
        _check_parts(table.assign(part=column), config, parts=PARTS)
    rounds = write_folds(table, parts, built=built)
    return {"n_folds": config.folds, "n_repeats": config.repeats, "rounds": rounds}


def _check_parts(
    table: pd.DataFrame, config: RunConfig, *, parts: Sequence[str] | None = None
) -> None:
    """Refuse a division in which a part is empty or of one class, before anything trains on it."""
    tests = config.split == "grouped" and not config.folds
    for part in parts or (PARTS if tests else ("train", "val")):
        labels = table.loc[table["part"] == part, "label"]
        if labels.nunique() < 2:
            lacking = "has images of one class only" if len(labels) else "is empty"
            raise DataError(
                f"The part {part!r} ({len(labels)} of {len(table)} images) {lacking}.",
                "Every part needs both classes, or sensitivity or specificity is undefined.",
                f"Add images, or try another seed or split than {config.split!r}.",
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
