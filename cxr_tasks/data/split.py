"""Which image trains, which one stops the training, which one only tests: the split, the folds.

Everywhere `labels`, of which 1 is COVID-19, and `groups` have shape (n,): images of one patient, or
copies, share a group's number. Shuffles are decided by a seed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, group_images
from cxr_tasks.data.split_record import FoldRounds, PartCounts, PartName, RoundCounts, SplitFacts
from cxr_tasks.errors import DataError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import write_table
from cxr_tasks.wording import CLASS_NAMES

PAPER_VALIDATION_FRACTION = 0.25
FIFTH = 5
"""What is usually set apart: one image in five."""

PARTS: tuple[PartName, ...] = ("train", "val", "test")
_COLUMNS = ["path", "label", "group"]
_FOLDS_NAME = "folds.csv"

PartArray = npt.NDArray[np.str_]
PlaceArray = npt.NDArray[np.intp]


def make_split(dataset: Dataset, config: RunConfig, *, built: Path) -> SplitFacts:
    """Write `split.csv`, and with folds `folds.csv`, into `built` and describe them.

    With folds, the split is that of the final fit: nothing tests, since every image is tested
    in some fold.

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
    table = pd.DataFrame({"path": dataset.index["path"], "label": labels, "group": groups})
    split = table.assign(part=parts)
    tests = config.split == "grouped" and not config.folds
    _check_parts(split, config, PARTS if tests else ("train", "val"))
    write_table(split, built / "split.csv")
    n_parts_of_group = split.groupby("group")["part"].transform("nunique")
    return SplitFacts(
        kind=config.split,
        parts=count_parts(split),
        n_groups=int(split["group"].nunique()),
        n_duplicate_images=len(np.unique(copies)),
        n_groups_across_parts=int(split.loc[n_parts_of_group > 1, "group"].nunique()),
        n_images_in_groups_across_parts=int((n_parts_of_group > 1).sum()),
        folds=_divide_into_folds(table, config, built) if config.folds else None,
    )


def count_parts(split: pd.DataFrame) -> dict[PartName, PartCounts]:
    """Count images and groups of each part that is not empty."""
    return {
        part: PartCounts(
            n_images=len(rows),
            n_covid=int((rows["label"] == 1).sum()),
            n_normal=int((rows["label"] == 0).sum()),
            n_groups=int(rows["group"].nunique()),
        )
        for part in PARTS
        if len(rows := split[split["part"] == part])
    }


def split_paper(labels: IntArray, *, seed: int) -> PartArray:
    """Split as `keras.utils.image_dataset_from_directory(validation_split=0.25)` does.

    Keras shuffles the sorted files with a fresh `RandomState(seed)` and takes the last
    `int(0.25 * n)` to validate; neither class nor patient is looked at, nothing tests.

    The images have to be in Keras' order of files. Returns the part of each, shape (n,).
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
    One image in `test_one_in` tests, where it is not None. Returns the part of each, shape (n,).

    Raises:
        DataError: A class has too few groups for three parts.
    """
    parts = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for part, one_in in (("test", test_one_in), ("val", FIFTH)):
        if one_in is not None:
            kept, taken = _set_apart(labels[rest], groups[rest], one_in=one_in, seed=seed)
            parts[rest[taken]] = part
            rest = rest[kept]
    return parts


def make_folds(
    labels: IntArray, groups: IntArray, *, n_folds: int, n_repeats: int, seed: int
) -> PartArray:
    """Assign every image its part in every round: each repeat tests each image once.

    Folds are stratified and keep groups whole, and so does the part of the rest that stops a
    round's training. Rounds are numbered through all repeats.

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
            _, val = _set_apart(labels[rest], groups[rest], one_in=FIFTH, seed=repeat_seed)
            parts[rest[val]] = "val"
            rounds.append(parts)
    return np.stack(rounds, axis=1)


def whole_groups(
    labels: IntArray, groups: IntArray, *, n_folds: int, seed: int
) -> Iterator[tuple[PlaceArray, PlaceArray]]:
    """Yield the places of the rest and of each fold, stratified, groups whole.

    Raises:
        DataError: A class has fewer groups than there are folds.
    """
    for label, name in CLASS_NAMES.items():
        n_groups = _n_groups(labels, groups, label)
        if n_groups < n_folds:
            raise DataError(
                f"The class {name} has {n_groups} groups (patients, or images with copies) "
                f"to divide into {n_folds} parts.",
                "No group is in two parts with split='grouped', and every part needs both classes; "
                "what a fold leaves over is divided once more, to train and to validate.",
                "Add images of more patients, use fewer folds, or use split=paper without folds.",
            )
    yield from StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(
        labels, labels, groups
    )


def write_folds(table: pd.DataFrame, parts: PartArray, *, built: Path) -> list[RoundCounts]:
    """Write `folds.csv`: path, label, group, and a column `fold-<round>` for each round.

    Returns:
        For each round its number and how many images are in each part.
    """
    columns = {f"fold-{number}": column for number, column in enumerate(parts.T, start=1)}
    folds = pd.concat([table[_COLUMNS], pd.DataFrame(columns, index=table.index)], axis=1)
    write_table(folds, built / _FOLDS_NAME)
    return [
        RoundCounts(
            round=number,
            n_train=int((column == "train").sum()),
            n_val=int((column == "val").sum()),
            n_test=int((column == "test").sum()),
        )
        for number, column in enumerate(parts.T, start=1)
    ]


def read_split(folder: Path) -> pd.DataFrame:
    """Read `split.csv`: path, label, group and part of each image, in the index' order."""
    return _read(folder / "split.csv")


def read_fold(folder: Path, number: int) -> pd.DataFrame:
    """Read one round in the shape of `read_split`: path, label, group, part."""
    folds = _read(folder / _FOLDS_NAME)
    return folds[_COLUMNS].assign(part=folds[f"fold-{number}"])


def read_tested_in(folder: Path, *, n_folds: int) -> IntArray:
    """Return in which round of the first repeat each image is tested, from 1, shape (n,)."""
    folds = _read(folder / _FOLDS_NAME)
    first = folds[[f"fold-{number}" for number in range(1, n_folds + 1)]]
    tested_in: IntArray = np.argmax(first.to_numpy() == "test", axis=1).astype(np.int64) + 1
    return tested_in


def rows_of(table: pd.DataFrame, part: str) -> IntArray:
    """Return the rows of the image store that belong to a part, shape (n_part,)."""
    return np.flatnonzero(table["part"].to_numpy() == part)


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.astype({"label": int, "group": int})


def _set_apart(
    labels: IntArray, groups: IntArray, *, one_in: int, seed: int
) -> tuple[PlaceArray, PlaceArray]:
    """Set one image in so many apart, or more where a class has fewer groups than that.

    Where the first part happens to lack a class, the next one is taken.

    Returns:
        The places of those that stay, and of those set apart.

    Raises:
        DataError: A class has fewer than two groups.
    """
    n_groups = min(_n_groups(labels, groups, label) for label in CLASS_NAMES)
    n_folds = max(2, min(one_in, n_groups))
    divisions = list(whole_groups(labels, groups, n_folds=n_folds, seed=seed))
    for kept, taken in divisions:
        if len(np.unique(labels[taken])) == len(np.unique(labels[kept])) == len(CLASS_NAMES):
            return kept, taken
    return divisions[0]


def _n_groups(labels: IntArray, groups: IntArray, label: int) -> int:
    return len(np.unique(groups[labels == label]))


def _divide_into_folds(table: pd.DataFrame, config: RunConfig, built: Path) -> FoldRounds:
    n_repeats = max(map(config.n_repeats_of, config.variants))
    parts = make_folds(
        table["label"].to_numpy(),
        table["group"].to_numpy(),
        n_folds=config.folds,
        n_repeats=n_repeats,
        seed=config.seed,
    )
    for column in parts.T:
        _check_parts(table.assign(part=column), config, PARTS)
    rounds = write_folds(table, parts, built=built)
    return FoldRounds(n_folds=config.folds, n_repeats=n_repeats, rounds=rounds)


def _check_parts(table: pd.DataFrame, config: RunConfig, parts: Sequence[str]) -> None:
    """Refuse a division in which a part is empty or of one class, before anything trains on it."""
    for part in parts:
        labels = table.loc[table["part"] == part, "label"]
        if labels.nunique() < 2:
            lacking = "has images of one class only" if len(labels) else "is empty"
            raise DataError(
                f"The part {part!r} ({len(labels)} of {len(table)} images) {lacking}.",
                "Every part needs both classes, or sensitivity or specificity is undefined.",
                f"Add images, or try another seed or split than {config.split!r}.",
            )
