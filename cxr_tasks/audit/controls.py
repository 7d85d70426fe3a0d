"""The controls: how well the label is predicted by what is not the lungs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from cxr_tasks.audit.audit_record import (
    Control,
    ControlFacts,
    FindingFacts,
    Severity,
    TellingFeature,
    finding,
)
from cxr_tasks.audit.features import (
    MaskedFeatures,
    intensity_table,
    metadata_table,
    standardised,
    with_interactions,
)
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import whole_groups
from cxr_tasks.statistics.permutation_test import PermutationTest, permutation_test
from cxr_tasks.statistics.resampling import estimate_auc, group_resamples, percentile_interval
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.statistics.significance import holm

N_FOLDS = 5
SIGNIFICANCE = 0.01
MAX_NAMED_FEATURES = 8

CONTROLS: dict[str, Control] = {
    "metadata": Control(
        title="file metadata",
        asks="Do size, shape, format, colour mode and compression of the file tell the class?",
        role="control",
    ),
    "coarse_intensity": Control(
        title="coarse intensity",
        asks="Do brightness, contrast, border strips and an 8 x 8 thumbnail tell the class?",
        role="control",
    ),
    "centre_blacked_out": Control(
        title="the border of the image (centre blacked out)",
        asks="Do frozen features of what lies around the lungs tell the class?",
        role="control",
    ),
    "border_blacked_out": Control(
        title="the centre of the image (border blacked out)",
        asks="Do frozen features of the centre alone tell the class, as they should?",
        role="reassurance",
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
class ControlsAudit:
    """What the controls gave."""

    controls: dict[str, ControlFacts]  # empty where too few groups have one label
    n_folds: int  # in which each image was tested
    n_excluded: int  # images of groups with both labels, about which no control was asked
    findings: list[FindingFacts]
    # each image's fold and the controls' out-of-fold scores, empty where excluded
    scores: pd.DataFrame


def audit_controls(
    dataset: Dataset,
    split: pd.DataFrame,
    folds: IntArray | None,
    features: MaskedFeatures | None,
    *,
    seed: int,
) -> ControlsAudit:
    """Test every control on the images of groups that have one label.

    Args:
        dataset: The images with their index.
        split: Path, label and group of each image.
        folds: In which fold each image is tested, where the run has folds; else made here.
        features: Those of a frozen backbone, where there is one.
        seed: Decides folds, permutations and resamples.
    """
    scores = split[["path", "label", "group"]].assign(fold=0)
    rows = np.flatnonzero((split.groupby("group")["label"].transform("nunique") == 1).to_numpy())
    labels, groups = (split[name].to_numpy(np.int64)[rows] for name in ("label", "group"))
    n_excluded = len(split) - len(rows)
    n_groups = min(len(np.unique(groups[labels == label])) for label in (0, 1))
    if n_groups < N_FOLDS:
        message = (
            f"The controls were not asked: a class has {n_groups} patients or groups with "
            f"one label, and {N_FOLDS} are needed. Nothing is known about shortcuts."
        )
        return ControlsAudit({}, 0, n_excluded, [finding("controls", "warning", message)], scores)
    tested_in = divide(labels, groups, seed=seed) if folds is None else folds[rows]
    tables = {
        "metadata": metadata_table(dataset.index.iloc[rows]),
        "coarse_intensity": intensity_table(dataset.images[row] for row in rows),
    }
    seen = {
        name: with_interactions(standardised(table.to_numpy(np.float64)), seed=seed)
        for name, table in tables.items()
    }
    if features is not None:
        seen |= {name: standardised(values[rows]) for name, values in vars(features).items()}
    tests = {
        name: permutation_test(values, labels, groups, tested_in, seed=seed)
        for name, values in seen.items()
    }
    scores.loc[rows, "fold"] = tested_in
    for name, test in tests.items():
        scores.loc[rows, name] = test.scores
    controls = _describe(tests, seen, tables, labels, groups, seed=seed)
    n_folds, findings = int(tested_in.max()), _findings(controls, n_excluded)
    return ControlsAudit(controls, n_folds, n_excluded, findings, scores)


def divide(labels: IntArray, groups: IntArray, *, seed: int) -> IntArray:
    """Return in which of `N_FOLDS` folds each image is tested, from 1, groups whole."""
    folds = np.zeros(len(labels), np.int64)
    divisions = whole_groups(labels, groups, n_folds=N_FOLDS, seed=seed)
    for number, (_, tested) in enumerate(divisions, start=1):
        folds[tested] = number
    return folds


def _describe(
    tests: Mapping[str, PermutationTest],
    seen: Mapping[str, FloatArray],
    tables: Mapping[str, pd.DataFrame],
    labels: IntArray,
    groups: IntArray,
    *,
    seed: int,
) -> dict[str, ControlFacts]:
    resamples = group_resamples(labels, groups, seed=seed)
    asked = [name for name in tests if CONTROLS[name].role == "control"]
    corrected = dict(zip(asked, holm([tests[name].p_value for name in asked]), strict=True))
    facts = {
        name: ControlFacts(
            **CONTROLS[name].content(),
            n_features=seen[name].shape[1],
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


def _findings(controls: Mapping[str, ControlFacts], n_excluded: int) -> list[FindingFacts]:
    findings = [
        _finding_about(name, "warning", facts, _predicts(facts))
        for name, facts in controls.items()
        if facts.role == "control" and facts.above_chance
    ]
    machinery = controls["permuted_labels"]
    low, high = machinery.interval or (0.0, 1.0)
    if not low <= 0.5 <= high:
        message = "With permuted labels the controls do not stay at chance: do not rely on them."
        findings.append(_finding_about("permuted_labels", "error", machinery, message))
    whole = controls.get("whole_image")
    if whole is None:
        message = "The controls on masked images were not asked: this run has no backbone weights."
        findings.append(finding("centre_blacked_out", "info", message))
    elif not whole.above_chance and not controls["centre_blacked_out"].above_chance:
        message = (
            "The backbone of the controls on masked images does not tell the classes apart on "
            f"whole images either (AUC {whole.auc:.3f}): that these controls find nothing says "
            "little."
        )
        findings.append(_finding_about("whole_image", "info", whole, message))
    if n_excluded:
        message = f"{n_excluded} images of groups with both labels were left out of the controls."
        findings.append(finding("controls", "info", message, value=n_excluded))
    return findings


def _finding_about(
    name: str, severity: Severity, facts: ControlFacts, message: str
) -> FindingFacts:
    return finding(name, severity, message, value=facts.auc, interval=facts.interval)


def _predicts(facts: ControlFacts) -> str:
    first = facts.by_feature[0] if facts.by_feature else None
    telling = f"; most telling: {first.feature}, AUC {first.auc:.3f} by itself" if first else ""
    return (
        f"{facts.title[0].upper()}{facts.title[1:]} alone predicts the label with AUC "
        f"{facts.auc:.3f} (accuracy {facts.accuracy:.1%}, p = {facts.p_holm:.3f} after Holm's "
        f"correction{telling})."
    )
