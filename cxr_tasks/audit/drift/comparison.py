"""Two data sets compared: images that only the new one has with those of the old one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_tasks.audit.drift.rule import FIGURES, FLOORS, SIGNIFICANCE
from cxr_tasks.audit.drift.shift import (
    N_PERMUTATIONS,
    FloatArray,
    Shift,
    Sides,
    distribution_shift,
    feature_shift,
    share_shift,
)
from cxr_tasks.audit.drift.two_datasets import MAX_IMAGES, TwoDatasets, lay_together
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.significance import holm
from cxr_tasks.wording import CLASS_NAMES

Facts = dict[str, Any]

MIN_GROUPS = 5
"""Of a class in a data set, or nothing can be said about it."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Features:
    """Frozen features of two data sets, each shape (n, d), in the order of their images."""

    old: npt.NDArray[np.floating]
    new: npt.NDArray[np.floating]

    def of_rows(self, rows: IntArray) -> FloatArray:
        """Give those of rows of both as one, the old data set's first."""
        n_old = len(self.old)
        both = [self.old[rows[rows < n_old]], self.new[rows[rows >= n_old] - n_old]]
        return np.concatenate(both).astype(np.float64)


def compare_datasets(
    old: Dataset, new: Dataset, *, features: Features | None, seed: int
) -> dict[str, Any]:
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
        features: Frozen features of both; None leaves them out.
        seed: Decides permutations, folds, and which images are looked at where there are many.

    Returns:
        How many images are new, shared and gone; `class_balance`; `checks`, one for each figure
        and class; `left_out`, sentences about what was not compared.
    """
    both = lay_together(old, new)
    left_out: list[str] = []
    found = [_class_balance(both, seed=seed)]
    for label, name in CLASS_NAMES.items() if both.n_new else ():
        rows = both.rows_of(label, seed=seed)
        n_groups = [both.n_groups(rows, side) for side in (0, 1)]
        if min(n_groups) < MIN_GROUPS:
            left_out.append(_too_few(name, n_groups))
            continue
        found += _class_checks(both, rows, name, features, seed=seed)
    found.sort(key=lambda check: list(FIGURES).index(check["figure"]))
    corrected = holm([check["p_value"] for check in found])
    for check, p_holm in zip(found, corrected, strict=True):
        is_far = check["effect"] >= check["floor"]
        check |= {"p_holm": p_holm, "moved": is_far and p_holm < SIGNIFICANCE}
    return {
        "n_images": {"champion": len(old.index), "run": len(new.index)},
        "n_new": both.n_new,
        "n_shared": len(new.index) - both.n_new,
        "n_gone": int((~old.index["sha256"].isin(new.index["sha256"])).sum()),
        "class_balance": {"champion": _balance(old), "run": _balance(new)},
        "checks": found,
        "left_out": left_out,
        "moved": any(check["moved"] for check in found),
        "n_permutations": N_PERMUTATIONS,
        "max_images": MAX_IMAGES,
    }


def _too_few(name: str, n_groups: list[int]) -> str:
    return (
        f"Too few {name} images to compare: of {n_groups[1]} patients or groups among the new, "
        f"{n_groups[0]} among the champion's; {MIN_GROUPS} are needed."
    )


def _class_balance(both: TwoDatasets, *, seed: int) -> Facts:
    sides = Sides(both.sides, both.units, seed=seed)
    shift = share_shift(both.index["label"].to_numpy(np.int64), sides)
    return _check("class_balance", shift)


def _class_checks(
    both: TwoDatasets, rows: IntArray, name: str, features: Features | None, *, seed: int
) -> Iterator[Facts]:
    """Compare every figure of one class."""
    sides = Sides(both.sides[rows], both.units[rows], seed=seed)
    for figure, values in _quantities(both, rows).items():
        spreads = {
            key: _spread(values[sides.sides == side])
            for side, key in enumerate(("champion", "run"))
        }
        yield _check(figure, distribution_shift(values, sides), name) | spreads
    if features is not None:
        shift = feature_shift(features.of_rows(rows), sides, both.groups[rows])
        yield _check("features", shift, name)


def _quantities(both: TwoDatasets, rows: IntArray) -> dict[str, FloatArray]:
    grey = np.array([_grey(both.joined.images[row]) for row in rows])
    return {
        "intensity_mean": grey[:, 0],
        "intensity_spread": grey[:, 1],
        "width": both.index["width"].to_numpy(np.float64)[rows],
        "height": both.index["height"].to_numpy(np.float64)[rows],
        "file_size": both.index["bytes"].to_numpy(np.float64)[rows] / 1000,
    }


def _grey(image: npt.NDArray[np.uint8]) -> tuple[float, float]:
    grey = image.mean(axis=2)
    return float(grey.mean()), float(grey.std())


def _spread(values: FloatArray) -> Facts:
    return {
        "n_images": len(values),
        "quantiles": [round(float(value), 3) for value in np.quantile(values, QUANTILES)],
    }


def _check(name: str, shift: Shift, class_name: str | None = None) -> Facts:
    figure = FIGURES[name]
    return {
        "figure": name,
        "class": class_name,
        "title": figure.title,
        "unit": figure.unit,
        "measure": figure.measure,
        "floor": FLOORS[figure.measure],
        "effect": shift.effect,
        "p_value": shift.p_value,
    }


def _balance(dataset: Dataset) -> Facts:
    n_images, n_covid = len(dataset.index), int(dataset.index["label"].sum())
    return {
        "n_images": n_images,
        "n_covid": n_covid,
        "value": n_covid / n_images,
        "interval": wilson(n_covid, n_images),
    }
