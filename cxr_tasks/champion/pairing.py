"""Which images of the new data both models can be compared on: those that neither has seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import (
    IntArray,
    Joined,
    closed_groups,
    group_images,
    join_datasets,
    same_value_pairs,
)
from cxr_tasks.errors import ArtifactError

BoolArray = npt.NDArray[np.bool_]

SAME_IMAGE = "same image"
UNSEEN = "unseen by the champion"
TRAINED_CHALLENGER = "left out: it or its patient trained the challenger"
TRAINED_CHAMPION = "left out: it trained the champion"
PATIENT_TRAINED_CHAMPION = "left out: its patient or group trained the champion"
LEFT_OUT = (TRAINED_CHALLENGER, TRAINED_CHAMPION, PATIENT_TRAINED_CHAMPION)

_NOWHERE = -1


@dataclass(frozen=True)
class Side:
    """A model's data, and its predictions for them."""

    dataset: Dataset  # the images that it was trained and measured on
    table: pd.DataFrame  # its `predictions.csv`
    basis: str  # which part of them its own probabilities count for: `oof` or `test`


@dataclass(frozen=True)
class Pairing:
    """What each image of the new data is to the comparison."""

    kinds: npt.NDArray[np.str_]  # `SAME_IMAGE`, `UNSEEN`, or why it is left out; shape (n,)
    # where the champion's data hold the same image, -1 elsewhere; shape (n,)
    champion_rows: IntArray
    # images of one patient, or copies, over both data sets share a number; shape (n,)
    groups: IntArray


def pair_images(challenger: Side, champion: Side) -> Pairing:
    """Find for each image of the challenger's data whether both models can be asked about it.

    Groups are closed over both data sets. Out of fold, a model has not seen an image of a group
    as long as the fold held the whole group out, which a second data set can belie: it may join
    two groups that the first held apart. With a test part, all of the group has to be in it.

    Raises:
        ArtifactError: Predictions and data set do not belong together.
    """
    for side in (challenger, champion):
        _check_rows(side)
    both = join_datasets(champion.dataset, challenger.dataset)
    groups, copies = _joint_groups(both, champion, challenger)
    old, new = groups[: both.n_first], groups[both.n_first :]
    same = _same_images(both, copies)
    clean_challenger = np.isin(new, _held_out_groups(challenger, new))
    clean_champion = np.isin(new, _held_out_groups(champion, old))
    known = np.isin(new, old)
    # the saved model has seen all groups of its folds, but nothing of a test part
    may_score = ~known | (clean_champion & (champion.basis == "test"))
    is_same = same != _NOWHERE
    trained = is_same & (champion.table["part"].to_numpy()[same] != champion.basis)
    kinds = np.select(
        [~clean_challenger, clean_champion & is_same, may_score, trained],
        [TRAINED_CHALLENGER, SAME_IMAGE, UNSEEN, TRAINED_CHAMPION],
        PATIENT_TRAINED_CHAMPION,
    )
    return Pairing(kinds, np.where(kinds == SAME_IMAGE, same, _NOWHERE), new)


def _check_rows(side: Side) -> None:
    if list(side.table["path"]) != list(side.dataset.index["path"]):
        raise ArtifactError(
            f"The predictions are not of the data set {side.dataset.fingerprint}: "
            f"{len(side.table)} rows for {len(side.dataset.index)} images, or in another order.",
            "predictions.csv has a row for each image of its data set, in the index' order.",
            "Run the stage evaluate of that run again.",
        )


def _joint_groups(both: Joined, champion: Side, challenger: Side) -> tuple[IntArray, IntArray]:
    """Close the groups of both splits, patients and copies over both data sets."""
    found, copies = group_images(both.index, both.images)
    split_groups = [
        *(f"champion {group}" for group in champion.table["group"]),
        *(f"challenger {group}" for group in challenger.table["group"]),
    ]
    links = [same_value_pairs(pd.Series(values)) for values in (found, split_groups)]
    return closed_groups(np.concatenate(links), n=len(found)), copies


def _held_out_groups(side: Side, groups: IntArray) -> IntArray:
    """Return the joint groups whose images the side's own probabilities are honest about."""
    table = side.table.assign(joint=groups, is_out=side.table["part"] == side.basis)
    by_group = table.groupby("joint")
    clean = by_group["is_out"].all()
    if side.basis == "oof":
        clean &= by_group["group"].min() == by_group["group"].max()
    return clean.index[clean].to_numpy(np.int64)


def _same_images(both: Joined, copies: IntArray) -> IntArray:
    """Return for each new image its row in the champion's data; equal bytes go before copies."""
    across = copies[(copies[:, 0] < both.n_first) & (copies[:, 1] >= both.n_first)]
    digests = both.index["sha256"].to_numpy()
    is_near = digests[across[:, 0]] != digests[across[:, 1]]
    order = np.lexsort((across[:, 0], is_near))[::-1]  # the best is written last
    rows = np.full(len(both.index) - both.n_first, _NOWHERE)
    rows[across[order, 1] - both.n_first] = across[order, 0]
    return rows
