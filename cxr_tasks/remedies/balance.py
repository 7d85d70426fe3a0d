"""Patients of both classes in pairs that file and acquisition do not tell apart.

Matching on a score that predicts the class, within a caliper: Rosenbaum & Rubin 1983, doi
10.1093/biomet/70.1.41; a caliper of 0.2 spreads: Austin 2011, doi 10.1002/pst.433. The score is out
of fold: in the images that fitted it, the classes would lie apart by chance already.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxr_tasks.audit.control_tests import CONTROLS, N_FOLDS, Seen, Tested, ask_controls, divide
from cxr_tasks.audit.controls import file_tables
from cxr_tasks.data.dataset import IndexedImages
from cxr_tasks.data.duplicates import group_images
from cxr_tasks.errors import DataError
from cxr_tasks.statistics.feature_maps import standardised, with_interactions
from cxr_tasks.statistics.permutation_test import permutation_test
from cxr_tasks.statistics.scores import FloatArray, IntArray

CALIPER = 0.2
"""Of the groups' spread within the classes: how far the scores of a pair may lie apart."""

MIN_PAIRS = 20
"""With fewer, five folds have too few images of a class to learn from."""

_RULE = "Pairs of patients, one of each class, are matched on what file and acquisition tell."
_TOGETHER = "acquisition"


@dataclass(frozen=True)
class Balance:
    """The images that stay."""

    rows: IntArray  # in the data set's order
    n_pairs: int
    telling: list[str]  # the titles of the controls that told, which the pairs are matched on


def choose_balanced(dataset: IndexedImages, *, seed: int) -> Balance:
    """Choose pairs of patients or groups, equal in number of images, alike in what tells.

    Raises:
        DataError: Nothing in file or acquisition tells, or the classes hardly overlap.
    """
    labels = dataset.index["label"].to_numpy(np.int64)
    groups, _ = group_images(dataset.index, dataset.images)
    n_labels = pd.Series(labels).groupby(groups).transform("nunique").to_numpy()
    rows = np.flatnonzero(n_labels == 1)
    labels, groups = labels[rows], groups[rows]
    telling, scores = _score(dataset.index.iloc[rows], labels, groups, seed=seed)
    pairs = match_groups(labels, groups, scores, seed=seed)
    n_groups = min(len(np.unique(groups[labels == label])) for label in (0, 1))
    if len(pairs) < MIN_PAIRS:
        titles = " and ".join(CONTROLS[name].title for name in telling)
        raise DataError(
            f"The data set cannot be balanced: matched on {titles}, {len(pairs)} pairs of "
            f"patients are alike, of at most {n_groups}.",
            f"{_RULE} At least {MIN_PAIRS} are needed.",
            "Find images of both classes from the same hospitals and devices, or use another "
            "remedy: lungs, alike or both.",
        )
    kept = rows[np.isin(groups, np.array(pairs).ravel())]
    return Balance(kept, len(pairs), [CONTROLS[name].title for name in telling])


def _score(
    index: pd.DataFrame, labels: IntArray, groups: IntArray, *, seed: int
) -> tuple[list[str], FloatArray]:
    """Return the controls of file and acquisition that tell, and what they say out of fold."""
    n_groups = min(len(np.unique(groups[labels == label])) for label in (0, 1))
    if n_groups < N_FOLDS:
        raise DataError(
            f"The data set cannot be balanced: a class has {n_groups} patients or groups.",
            f"{_RULE} At least {MIN_PAIRS} are needed.",
            "Add images, or use another remedy: lungs, alike or both.",
        )
    tables = {
        name: table
        for name, table in file_tables(index).items()
        if CONTROLS[name].role == "control"
    }
    folds = divide(labels, groups, seed=seed)
    controls, _ = ask_controls(Seen(tables), Tested(labels, groups, folds), seed=seed)
    telling = [name for name in tables if controls[name].above_chance]
    if not telling:
        raise DataError(
            "The data set cannot be balanced: neither file metadata nor acquisition tells the "
            "classes apart.",
            _RULE,
            "Use another remedy: lungs, alike or both.",
        )
    told = pd.concat([tables[name] for name in _parts(telling, tables)], axis=1)
    values = with_interactions(standardised(told.to_numpy(np.float64)), seed=seed)
    test = permutation_test(values, labels, groups, folds, seed=seed, n_permutations=1)
    return telling, test.scores


def _parts(telling: list[str], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the tables whose columns count: the fields together have those of each field."""
    if _TOGETHER not in telling:
        return telling
    return [name for name in telling if not name.startswith(f"{_TOGETHER}_") and name in tables]


def match_groups(
    labels: IntArray, groups: IntArray, scores: FloatArray, *, seed: int
) -> list[tuple[int, int]]:
    """Pair groups of both classes that have as many images and are nearest in mean score.

    Args:
        labels: Shape (n,); each group has one label.
        groups: Shape (n,).
        scores: Shape (n,).
        seed: Decides who chooses first.

    Returns:
        The groups of each pair.
    """
    table = pd.DataFrame({"label": labels, "group": groups, "score": scores})
    known = table.groupby("group").agg(label=("label", "first"), score=("score", "mean"))
    known["n"] = table.groupby("group").size()
    within = known.groupby("label")["score"].var(ddof=0).mean()
    caliper = CALIPER * float(np.sqrt(within)) + 1e-9
    rng = np.random.default_rng(seed)
    pairs = []
    for _, same in known.groupby("n"):
        few, many = sorted((same[same["label"] == label] for label in (0, 1)), key=len)
        pairs += _nearest(few["score"], many["score"], caliper, rng)
    return pairs


def _nearest(
    few: pd.Series, many: pd.Series, caliper: float, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Let each of the few, in random order, choose the nearest of the many that is left."""
    ordered = many.sort_values()
    left = list(zip(ordered.tolist(), ordered.index.tolist(), strict=True))
    pairs = []
    for place in rng.permutation(len(few)):
        score = float(few.iloc[place])
        at = bisect_left(left, (score, -1))
        beside = [near for near in (at - 1, at) if 0 <= near < len(left)]
        best = min(beside, key=lambda near: abs(left[near][0] - score), default=None)
        if best is not None and abs(left[best][0] - score) <= caliper:
            pairs.append((int(few.index[place]), left.pop(best)[1]))
    return pairs
