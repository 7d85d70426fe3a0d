"""The controls: how well the label is predicted by what is not the lungs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from cxr_tasks.audit.features import FloatArray, standardised, with_interactions
from cxr_tasks.statistics.group_test import GroupTest, IntArray, group_test
from cxr_tasks.statistics.resampling import auc_interval, group_resamples, percentile_interval
from cxr_tasks.statistics.significance import holm

SIGNIFICANCE = 0.01
N_MOST_TELLING = 8

Role = Literal["control", "reassurance", "machinery", "reference"]


@dataclass(frozen=True)
class Control:
    """One question to the data.

    Attributes:
        title: What it is called in a report.
        asks: The question.
        role: `control`: an answer above chance is a finding. `reassurance`: it is good news.
            `machinery`: it would be a fault of this test. `reference`: for comparison.
    """

    title: str
    asks: str
    role: Role


CONTROLS: dict[str, Control] = {
    "metadata": Control(
        "file metadata",
        "Do size, shape, format, colour mode and compression of the file tell the class?",
        "control",
    ),
    "coarse_intensity": Control(
        "coarse intensity",
        "Do brightness, contrast, border strips and an 8 x 8 thumbnail tell the class?",
        "control",
    ),
    "centre_blacked_out": Control(
        "the border of the image (centre blacked out)",
        "Do frozen features of what lies around the lungs tell the class?",
        "control",
    ),
    "border_blacked_out": Control(
        "the centre of the image (border blacked out)",
        "Do frozen features of the centre alone tell the class, as they should?",
        "reassurance",
    ),
    "whole_image": Control(
        "the whole image",
        "How well do the same features of the whole image tell the class?",
        "reference",
    ),
    "permuted_labels": Control(
        "permuted labels",
        "Does the test itself stay at chance when labels are dealt out at random?",
        "machinery",
    ),
}
"""In the order in which a report shows them."""


@dataclass(frozen=True)
class Sight:
    """What a control is given to see.

    Attributes:
        features: Shape (n, d), as `group_test` takes them.
        columns: The single quantities they were made of, where they have names.
    """

    features: FloatArray
    columns: pd.DataFrame | None = None

    @classmethod
    def of_table(cls, table: pd.DataFrame, *, seed: int) -> "Sight":
        """See named quantities, each alone and together."""
        values = standardised(table.to_numpy(np.float64))
        return cls(with_interactions(values, seed=seed), table)

    @classmethod
    def of_features(cls, values: FloatArray) -> "Sight":
        """See a network's features."""
        return cls(standardised(values))


def run_controls(
    sights: Mapping[str, Sight], labels: IntArray, groups: IntArray, folds: IntArray, *, seed: int
) -> tuple[dict[str, dict[str, Any]], pd.DataFrame]:
    """Ask every control.

    Args:
        sights: What each is given; those that are absent are not asked.
        labels: Shape (n,); each group has one label.
        groups: Shape (n,).
        folds: Shape (n,); in which fold each image is tested.
        seed: Decides permutations and resamples.

    Returns:
        The facts of each control, and its out-of-fold scores, a column each.
    """
    tests = {
        name: group_test(sight.features, labels, groups, folds, seed=seed)
        for name, sight in sights.items()
    }
    facts = {
        name: _facts(name, test, sights[name], labels, groups, seed=seed)
        for name, test in tests.items()
    }
    asked = [name for name in tests if CONTROLS[name].role == "control"]
    for name, p_holm in zip(asked, holm([tests[name].p_value for name in asked]), strict=True):
        facts[name] |= {"p_holm": p_holm, "above_chance": p_holm < SIGNIFICANCE}
    machinery = tests.get("whole_image") or tests["metadata"]
    facts["permuted_labels"] = _machinery(machinery)
    ordered = {name: facts[name] for name in CONTROLS if name in facts}
    return ordered, pd.DataFrame({name: test.scores for name, test in tests.items()})


def _facts(
    name: str, test: GroupTest, sight: Sight, labels: IntArray, groups: IntArray, *, seed: int
) -> dict[str, Any]:
    resamples = group_resamples(labels, groups, seed=seed)
    return {
        **_described(name),
        "n_features": sight.features.shape[1],
        "auc": test.auc,
        "interval": auc_interval(labels, test.scores, resamples),
        "accuracy": test.accuracy,
        "p_value": test.p_value,
        "p_holm": None,
        "above_chance": test.p_value < SIGNIFICANCE,
        "by_feature": _most_telling(sight.columns, labels),
    }


def _machinery(test: GroupTest) -> dict[str, Any]:
    """Say what the test gave where there was nothing to find."""
    interval = percentile_interval(test.null_aucs)
    return {
        **_described("permuted_labels"),
        "n_features": None,
        "auc": float(test.null_aucs.mean()),
        "interval": interval,
        "accuracy": None,
        "p_value": None,
        "p_holm": None,
        "above_chance": interval is not None and interval[0] > 0.5,
        "by_feature": [],
    }


def _described(name: str) -> dict[str, str]:
    control = CONTROLS[name]
    return {"title": control.title, "asks": control.asks, "role": control.role}


def _most_telling(columns: pd.DataFrame | None, labels: IntArray) -> list[dict[str, Any]]:
    """Name the quantities that alone order the images best by class, in either direction."""
    if columns is None or not len(columns.columns):
        return []
    n_covid = int(labels.sum())
    ranks = rankdata(columns.to_numpy(np.float64), axis=0)[labels == 1].sum(axis=0)
    areas = (ranks - n_covid * (n_covid + 1) / 2) / (n_covid * (len(labels) - n_covid))
    either = pd.Series(np.maximum(areas, 1 - areas), index=columns.columns)
    # equal areas are one quantity told several ways, as `format PNG` and `format JPEG`
    told = either.sort_values(ascending=False, kind="stable").drop_duplicates().head(N_MOST_TELLING)
    return [{"feature": str(name), "auc": float(area)} for name, area in told.items()]
