"""The list of controls, and how well each predicts the label, against permuted labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from cxr_tasks.audit.audit_record import Control, ControlFacts, TellingFeature
from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.data.split import whole_groups
from cxr_tasks.statistics.feature_maps import standardised, with_interactions
from cxr_tasks.statistics.permutation_test import (
    PermutationTest,
    enough_permutations,
    permutation_test,
)
from cxr_tasks.statistics.resampling import estimate_auc, group_resamples, percentile_interval
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.statistics.significance import holm

N_FOLDS = 5
SIGNIFICANCE = 0.01
MAX_NAMED_FEATURES = 8

NOT_IN_PICTURE = ("follow_up",)
"""Fields that no image shows: who was examined often was ill for long, or was chosen otherwise."""

CONTROLS: dict[str, Control] = {
    "metadata": Control(
        title="file metadata",
        asks="Do width, height, format, colour mode and compression of the file tell the class?",
        role="control",
    ),
    "acquisition": Control(
        title="the acquisition's fields together",
        asks="Does what the table says of patient and acquisition tell the class, but for what no "
        "image shows?",
        role="control",
    ),
    **{
        f"acquisition_{name}": Control(
            title=f"the {title}",
            asks=f"Does the {title}, or whether it is given, tell the class?",
            role="control",
            in_picture=name not in NOT_IN_PICTURE,
        )
        for name, title in ACQUISITION_FIELDS.items()
    },
    "outside_intensity": Control(
        title="coarse intensity outside the lungs",
        asks="Do brightness, corners, borders, background and collimation tell the class?",
        role="control",
    ),
    "outside_lungs": Control(
        title="what lies outside the lungs",
        asks="Do frozen features tell the class where the lungs, and a margin, are painted over?",
        role="control",
    ),
    "file_size": Control(
        title="file size",
        asks="How well does the size of the file tell the class? What the picture shows decides "
        "it, disease too.",
        role="reference",
    ),
    "inside_lungs": Control(
        title="the lungs alone",
        asks="Do the same features of the lungs alone tell the class, as they should?",
        role="reassurance",
    ),
    "whole_intensity": Control(
        title="coarse intensity of the whole image",
        asks="How well does an 8 x 8 thumbnail tell the class? Disease shows there too.",
        role="reference",
    ),
    "whole_image": Control(
        title="the whole image",
        asks="How well do the same features of the whole image tell the class?",
        role="reference",
    ),
    "permuted_labels": Control(
        title="permuted labels",
        asks="Does the test itself stay at chance when labels are dealt out at random?",
        role="machinery",
    ),
}
"""In the order in which a report shows them."""


@dataclass(frozen=True)
class Seen:
    """What the controls see of images, each in the order of the images."""

    tables: Mapping[str, pd.DataFrame]  # quantities that have names, by control
    # frozen features by control, shape (n, d) each; empty without a backbone
    features: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Tested:
    """Which images are asked about."""

    labels: IntArray  # shape (n,); 1 is COVID-19
    groups: IntArray  # shape (n,); each has one label
    folds: IntArray  # shape (n,); in which fold each image is tested


def n_asked(names: Iterable[str]) -> int:
    """Return how many of these controls decide: their p values are corrected for each other."""
    return sum(CONTROLS[name].role == "control" for name in names)


def divide(labels: IntArray, groups: IntArray, *, seed: int) -> IntArray:
    """Return in which of `N_FOLDS` folds each image is tested, from 1, groups whole."""
    folds = np.zeros(len(labels), np.int64)
    divisions = whole_groups(labels, groups, n_folds=N_FOLDS, seed=seed)
    for number, (_, tested) in enumerate(divisions, start=1):
        folds[tested] = number
    return folds


def ask_controls(
    seen: Seen, tested: Tested, *, seed: int
) -> tuple[dict[str, ControlFacts], dict[str, FloatArray]]:
    """Test every control; return what is told of each, and its out-of-fold scores by image.

    Args:
        seen: What the controls see.
        tested: Of which images.
        seed: Decides permutations, resamples and landmarks.
    """
    values = {
        name: with_interactions(standardised(table.to_numpy(np.float64)), seed=seed)
        for name, table in seen.tables.items()
    }
    values |= {name: standardised(each) for name, each in seen.features.items()}
    enough = enough_permutations(n_asked(values))
    tests = {
        name: permutation_test(
            each, tested.labels, tested.groups, tested.folds, seed=seed, n_permutations=enough
        )
        for name, each in values.items()
    }
    controls = _describe(tests, values, seen.tables, tested, seed=seed)
    return controls, {name: test.scores for name, test in tests.items()}


def _describe(
    tests: Mapping[str, PermutationTest],
    values: Mapping[str, FloatArray],
    tables: Mapping[str, pd.DataFrame],
    tested: Tested,
    *,
    seed: int,
) -> dict[str, ControlFacts]:
    labels = tested.labels
    resamples = group_resamples(labels, tested.groups, seed=seed)
    asked = [name for name in tests if CONTROLS[name].role == "control"]
    corrected = dict(zip(asked, holm([tests[name].p_value for name in asked]), strict=True))
    facts = {
        name: ControlFacts(
            **CONTROLS[name].content(),
            n_features=values[name].shape[1],
            auc=test.auc,
            interval=estimate_auc(labels, test.scores, resamples).interval,
            accuracy=test.accuracy,
            p_value=test.p_value,
            p_holm=corrected.get(name),
            above_chance=corrected.get(name, test.p_value) < SIGNIFICANCE,
            by_feature=_most_telling(tables[name], labels) if name in tables else [],
        )
        for name, test in tests.items()
    }
    null_aucs = (tests.get("whole_image") or tests["metadata"]).null_aucs
    interval = percentile_interval(null_aucs)
    facts["permuted_labels"] = ControlFacts(
        **CONTROLS["permuted_labels"].content(),
        n_features=None,
        auc=float(null_aucs.mean()),
        interval=interval,
        accuracy=None,
        p_value=None,
        p_holm=None,
        above_chance=interval is not None and interval[0] > 0.5,
        by_feature=[],
    )
    return {name: facts[name] for name in CONTROLS if name in facts}


def _most_telling(columns: pd.DataFrame, labels: IntArray) -> list[TellingFeature]:
    """Name the quantities that alone order the images best by class, in either direction."""
    if not len(columns.columns):
        return []
    n_covid = int(labels.sum())
    ranks = rankdata(columns.to_numpy(np.float64), axis=0)[labels == 1].sum(axis=0)
    areas = (ranks - n_covid * (n_covid + 1) / 2) / (n_covid * (len(labels) - n_covid))
    either = pd.Series(np.maximum(areas, 1 - areas), index=columns.columns)
    # equal areas are one quantity under several names, as `format PNG` and `format JPEG`
    ordered = either.sort_values(ascending=False, kind="stable").drop_duplicates()
    named = ordered.head(MAX_NAMED_FEATURES)
    return [TellingFeature(feature=str(name), auc=float(area)) for name, area in named.items()]
