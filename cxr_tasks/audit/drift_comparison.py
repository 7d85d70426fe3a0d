"""Two data sets compared: images that only the new one has with those of the old one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_tasks.audit.drift_record import (
    BothDatasets,
    ClassShare,
    DriftCheck,
    DriftCompared,
    QuantityFacts,
)
from cxr_tasks.audit.drift_statistics import (
    N_PERMUTATIONS,
    Shift,
    Sides,
    distribution_shift,
    feature_shift,
    share_shift,
)
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import group_images, join_datasets
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray
from cxr_tasks.statistics.significance import holm
from cxr_tasks.wording import CLASS_NAMES

SIGNIFICANCE = 0.01

MIN_GROUPS = 5
"""Of a class in a data set, or nothing can be said about it."""

MAX_IMAGES = 2000
"""Of a class in a data set that are looked at: enough to know a gap of 0.15 from one of 0.1."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

FLOORS = {
    "KS": 0.15,  # two bells 0.38 of their spread apart
    "AUC": 0.65,  # two bells 0.55 apart: more, since it looks along the best of many directions
    "difference": 0.1,
}
"""By measure. What is less is no drift, however sure: in thousands of images every trifle is."""

FIGURES = {
    "class_balance": ("share of COVID-19", "difference", ""),
    "intensity_mean": ("mean grey", "KS", "of 255"),
    "intensity_spread": ("spread of grey", "KS", "of 255"),
    "width": ("width", "KS", "px"),
    "height": ("height", "KS", "px"),
    "file_size": ("file size", "KS", "kB"),
    "features": ("frozen features", "AUC", ""),
}
"""What is compared: what a person calls it, its measure, and the unit of a quantity."""

WITHOUT_FEATURES = "Frozen features were not compared: this run has no pre-trained weights."

RULE = (
    f"Something moved when it differs beyond chance (p < {SIGNIFICANCE} after Holm's correction "
    "over all comparisons; for chance, patients and copies are dealt out to the two data sets "
    f"anew, whole, {N_PERMUTATIONS} times) and by enough to matter: the distributions of a "
    f"quantity are at least {FLOORS['KS']} apart (Kolmogorov-Smirnov), frozen features tell new "
    f"images from the champion's with an AUC of at least {FLOORS['AUC']}, or the share of COVID-19 "
    f"differs by at least {FLOORS['difference']}. Quantities and features are compared within each "
    "class, so that another class balance moves nothing but itself."
)


@dataclass(frozen=True)
class Features:
    """Frozen features of two data sets, each shape (n, d), in the order of their images."""

    old: NDArray[np.floating]
    new: NDArray[np.floating]

    def of_rows(self, rows: IntArray) -> FloatArray:
        """Return those of rows of both as one, the old data set's first."""
        n_old = len(self.old)
        both = [self.old[rows[rows < n_old]], self.new[rows[rows >= n_old] - n_old]]
        return np.concatenate(both).astype(np.float64)


@dataclass(frozen=True)
class Comparison:
    """One figure compared, within a class or of both; of a quantity how both are distributed."""

    figure: str
    class_name: str | None
    shift: Shift
    quantities: dict[str, QuantityFacts]

    def as_check(self, p_holm: float) -> DriftCheck:
        """Judge it by `RULE`."""
        title, measure, unit = FIGURES[self.figure]
        is_far = self.shift.effect >= FLOORS[measure]
        return DriftCheck(
            figure=self.figure,
            class_name=self.class_name,
            title=title,
            unit=unit,
            measure=measure,
            floor=FLOORS[measure],
            effect=self.shift.effect,
            p_value=self.shift.p_value,
            **self.quantities,
            p_holm=p_holm,
            moved=is_far and p_holm < SIGNIFICANCE,
        )


def compare_datasets(
    old: Dataset, new: Dataset, *, champion: str, features: Features | None, seed: int
) -> DriftCompared:
    """Compare the images of `new` that are not in `old` with the images of `old`.

    Every quantity is compared within each class: with another class balance each would move, and
    say no more than the balance does, which is a comparison of its own, of the data sets as
    wholes. A class is not pooled with the other, so that one that moved is named, and a large one
    that did not cannot hide it. Images of a patient, or copies, are no independent witnesses:
    chance is what comes out when they are dealt out to the data sets together.

    Images in both data sets count on both sides of the class balance, which makes its p too
    large, never too small.

    Args:
        old: What the champion knows.
        new: What a run brings.
        champion: Its version.
        features: Frozen features of both; None leaves them out.
        seed: Decides permutations, folds, and which images are looked at where there are many.
    """
    both = TwoDatasets.of(old, new)

    def sides_of(rows: IntArray | slice) -> Sides:
        return Sides(both.sides[rows], both.units[rows], seed=seed)

    labels = both.index["label"].to_numpy(np.int64)
    compared = [Comparison("class_balance", None, share_shift(labels, sides_of(slice(None))), {})]
    left_out: list[str] = []
    for label, name in CLASS_NAMES.items() if both.n_new else ():
        rows = both.rows_of(label, seed=seed)
        n_old, n_new = (len(np.unique(both.groups[rows[both.sides[rows] == i]])) for i in (0, 1))
        if min(n_old, n_new) < MIN_GROUPS:
            left_out.append(
                f"Too few {name} images to compare: of {n_new} patients or groups among the new, "
                f"{n_old} among the champion's; {MIN_GROUPS} are needed."
            )
            continue
        compared += _compare_class(both, rows, sides_of(rows), name, features)
    if features is None:
        left_out.append(WITHOUT_FEATURES)
    compared.sort(key=lambda each: list(FIGURES).index(each.figure))
    corrected = holm([each.shift.p_value for each in compared])
    checks = [each.as_check(p_holm) for each, p_holm in zip(compared, corrected, strict=True)]
    return DriftCompared(
        champion=champion,
        dataset=old.fingerprint,
        status="compared",
        reason="",
        n_images=BothDatasets[int](champion=len(old.index), run=len(new.index)),
        n_new=both.n_new,
        n_shared=len(new.index) - both.n_new,
        n_gone=int((~old.index["sha256"].isin(new.index["sha256"])).sum()),
        class_balance=BothDatasets[ClassShare](champion=_balance(old), run=_balance(new)),
        checks=checks,
        left_out=left_out,
        moved=any(check.moved for check in checks),
        n_permutations=N_PERMUTATIONS,
        max_images=MAX_IMAGES,
        rule=RULE,
    )


@dataclass(frozen=True)
class TwoDatasets:
    """Two data sets, the old one's images before the new one's."""

    images: Any
    index: pd.DataFrame  # what is known of each image
    sides: IntArray  # 1 for the images of the new data set, shape (n,)
    groups: IntArray  # patients and copies, closed over both, shape (n,)
    # not the images of the new data set that the old one has too, shape (n,)
    is_compared: BoolArray

    @classmethod
    def of(cls, old: Dataset, new: Dataset) -> "TwoDatasets":
        """Join two data sets and close patients and copies over both."""
        joined = join_datasets(old, new)
        index = pd.concat([old.index, new.index], ignore_index=True)
        sides = (np.arange(len(index)) >= joined.n_first).astype(np.int64)
        groups, _ = group_images(joined.index, joined.images)
        is_shared = new.index["sha256"].isin(old.index["sha256"]).to_numpy()
        is_compared = np.concatenate([np.ones(joined.n_first, np.bool_), ~is_shared])
        return cls(joined.images, index, sides, groups, is_compared)

    @property
    def n_new(self) -> int:
        """How many images only the new data set has."""
        return int(self.sides[self.is_compared].sum())

    @property
    def units(self) -> IntArray:
        """What is dealt out whole: a group's images of one data set, shape (n,)."""
        units: IntArray = 2 * self.groups + self.sides
        return units

    def rows_of(self, label: int, *, seed: int, max_images: int = MAX_IMAGES) -> IntArray:
        """Return the rows of one class that are looked at, the old data set's first.

        From each data set groups are taken in random order until there are enough images.
        """
        of_class = self.is_compared & (self.index["label"] == label).to_numpy()
        chosen = []
        for side in (0, 1):
            rows = np.flatnonzero(of_class & (self.sides == side))
            _, members, sizes = np.unique(
                self.groups[rows], return_inverse=True, return_counts=True
            )
            order = np.random.default_rng(seed).permutation(len(sizes))
            n_before = np.cumsum(sizes[order]) - sizes[order]
            chosen.append(rows[np.isin(members, order[n_before < max_images])])
        return np.concatenate(chosen)


def _compare_class(
    both: TwoDatasets, rows: IntArray, sides: Sides, name: str, features: Features | None
) -> Iterator[Comparison]:
    """Compare every figure of one class."""
    grey = np.array([_grey(both.images[row]) for row in rows])
    index = both.index.iloc[rows]
    quantities = {
        "intensity_mean": grey[:, 0],
        "intensity_spread": grey[:, 1],
        "width": index["width"].to_numpy(np.float64),
        "height": index["height"].to_numpy(np.float64),
        "file_size": index["bytes"].to_numpy(np.float64) / 1000,
    }
    for figure, values in quantities.items():
        spreads = {
            "champion": _spread(values[sides.sides == 0]),
            "run": _spread(values[sides.sides == 1]),
        }
        yield Comparison(figure, name, distribution_shift(values, sides), spreads)
    if features is not None:
        shift = feature_shift(features.of_rows(rows), sides, both.groups[rows])
        yield Comparison("features", name, shift, {})


def _grey(image: NDArray[np.uint8]) -> tuple[float, float]:
    grey = image.mean(axis=2)
    return float(grey.mean()), float(grey.std())


def _spread(values: FloatArray) -> QuantityFacts:
    quantiles = [round(float(value), 3) for value in np.quantile(values, QUANTILES)]
    return QuantityFacts(n_images=len(values), quantiles=quantiles)


def _balance(dataset: Dataset) -> ClassShare:
    n_images, n_covid = len(dataset.index), int(dataset.index["label"].sum())
    return ClassShare(
        n_images=n_images,
        n_covid=n_covid,
        value=n_covid / n_images,
        interval=wilson(n_covid, n_images),
    )
