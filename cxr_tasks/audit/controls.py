"""What the controls see of a data set and say of its images, and the findings that follow."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit_record import ControlFacts, FindingFacts, Severity, finding
from cxr_tasks.audit.control_tests import (
    N_FOLDS,
    NOT_IN_PICTURE,
    Seen,
    Tested,
    ask_controls,
    divide,
)
from cxr_tasks.audit.features import MaskedFeatures
from cxr_tasks.audit.tables import (
    acquisition_tables,
    file_size_table,
    intensity_table,
    metadata_table,
    outside_table,
)
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.statistics.scores import IntArray


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
    lungs: Lungs,
    *,
    features: MaskedFeatures | None,
    seed: int,
) -> ControlsAudit:
    """Test every control on the images of groups that have one label.

    Args:
        dataset: The images with their index.
        split: Path, label and group of each image.
        folds: In which fold each image is tested, where the run has folds; else made here.
        lungs: Where they are in each image.
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
    seen = see(dataset, lungs, features, rows)
    controls, of_controls = ask_controls(seen, Tested(labels, groups, tested_in), seed=seed)
    scores.loc[rows, "fold"] = tested_in
    for name, values in of_controls.items():
        scores.loc[rows, name] = values
    n_folds, findings = int(tested_in.max()), control_findings(controls, n_excluded)
    return ControlsAudit(controls, n_folds, n_excluded, findings, scores)


def see(dataset: Dataset, lungs: Lungs, features: MaskedFeatures | None, rows: IntArray) -> Seen:
    """Return what the controls see of some images of a data set."""
    index, images = dataset.index.iloc[rows], dataset.images
    regions = (lungs.region(row) for row in rows)
    tables = {
        **file_tables(index),
        "outside_intensity": outside_table((images[row] for row in rows), regions),
        "whole_intensity": intensity_table(images[row] for row in rows),
    }
    frozen = {} if features is None else vars(features)
    return Seen(tables, {name: values[rows] for name, values in frozen.items()})


def file_tables(index: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what the controls see without the picture, by their names."""
    fields = acquisition_tables(index)
    shown = [table for name, table in fields.items() if name not in NOT_IN_PICTURE]
    together = {"acquisition": pd.concat(shown, axis=1)} if len(shown) > 1 else {}
    return {
        "metadata": metadata_table(index),
        **together,
        **{f"acquisition_{name}": table for name, table in fields.items()},
        "file_size": file_size_table(index),
    }


def control_findings(
    controls: Mapping[str, ControlFacts], n_excluded: int = 0
) -> list[FindingFacts]:
    """Describe what is above chance and should not be, and what the controls cannot say."""
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
        message = "Frozen features were not asked: this run has no backbone weights."
        findings.append(finding("outside_lungs", "info", message))
    elif not whole.above_chance and not controls["outside_lungs"].above_chance:
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
