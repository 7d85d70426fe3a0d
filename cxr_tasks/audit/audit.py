"""Stage `audit`: copies and patients across the split, sources, shortcut controls, drift."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.audit.controls import CONTROLS, Sight, run_controls
from cxr_tasks.audit.copies import audit_copies, audit_patients
from cxr_tasks.audit.drift.finding import drift_finding
from cxr_tasks.audit.drift.measure import measure_drift
from cxr_tasks.audit.features import intensity_table, metadata_table
from cxr_tasks.audit.finding import finding, gravest_first
from cxr_tasks.audit.masked import MaskedFeatures, masked_features
from cxr_tasks.audit.origins import audit_origins
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import whole_groups
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.group_test import N_PERMUTATIONS, IntArray
from cxr_tasks.volume.files import write_table
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record

N_FOLDS = 5
SCORES_FILE = "control_scores.csv"

Note = Callable[[str], None]
Facts = dict[str, Any]


def make_audit(
    run: RunPaths,
    config: RunConfig,
    *,
    dataset: Dataset,
    split: pd.DataFrame,
    folds: IntArray | None,
    ingested: Record,
    champion_dataset: Callable[[], str],
    note: Note,
    built: Path,
) -> Facts:
    """Audit a run's data, write `control_scores.csv` into `built`, and give the record's facts.

    Args:
        run: Whose home has weights and activations.
        config: Its configuration.
        dataset: The images with their index.
        split: The part of each image.
        folds: In which fold each image is tested, where the run has folds; else made here.
        ingested: The record of the run's ingestion.
        champion_dataset: Returns the fingerprint of the data set of the champion that it names.
        note: Told what a watching person wants to know.
        built: The folder to write into.
    """
    features = None
    if ingested["weights"]["origin"] != "none":
        features = masked_features(
            run, config, dataset=dataset, split=split, ingested=ingested, note=note
        )
    facts = audit_dataset(
        dataset, split, folds=folds, features=features, seed=config.seed, built=built
    )
    drift = measure_drift(
        run,
        config,
        dataset=dataset,
        split=split,
        ingested=ingested,
        champion_dataset=champion_dataset,
        features=features,
        note=note,
    )
    return with_drift(facts, drift) | {"weights_origin": ingested["weights"]["origin"]}


def audit_dataset(
    dataset: Dataset,
    split: pd.DataFrame,
    *,
    folds: IntArray | None,
    features: MaskedFeatures | None,
    seed: int,
    built: Path,
) -> Facts:
    """Audit images of which the frozen features are known, or None where there is no backbone."""
    duplicates, of_copies = audit_copies(dataset, split)
    patients, of_patients = audit_patients(dataset, split)
    sources, of_sources = audit_origins(dataset.index)
    asked = _ask_controls(dataset, split, folds, features, seed=seed)
    write_table(asked.scores, built / SCORES_FILE)
    return {
        "n_images": len(split),
        "n_groups": int(split["group"].nunique()),
        "n_folds": asked.n_folds,
        "n_permutations": N_PERMUTATIONS,
        "n_excluded_images": asked.n_excluded,
        "controls": asked.controls,
        "duplicates": duplicates,
        "patients": patients,
        "sources": sources,
        "findings": gravest_first([*of_copies, *of_patients, *of_sources, *asked.findings]),
    }


def with_drift(facts: Facts, drift: Facts | None) -> Facts:
    """Add what the comparison with the champion's data gave, and its finding."""
    told = [drift_finding(drift)] if drift else []
    return facts | {"drift": drift, "findings": gravest_first([*facts["findings"], *told])}


def read_control_scores(folder: Path) -> pd.DataFrame:
    """Read what the controls say of each image; empty where they were not asked about it."""
    kinds = {"path": str, "label": int, "group": int, "fold": int}
    scores: pd.DataFrame = pd.read_csv(folder / SCORES_FILE, dtype=kinds, na_values={"path": []})
    return scores


class _Asked:
    """What the controls said."""

    def __init__(
        self, controls: Facts, scores: pd.DataFrame, findings: list[Facts], n_excluded: int
    ) -> None:
        self.controls = controls
        self.scores = scores
        self.findings = findings
        self.n_excluded = n_excluded
        self.n_folds = int(scores["fold"].max())


def _ask_controls(
    dataset: Dataset,
    split: pd.DataFrame,
    folds: IntArray | None,
    features: MaskedFeatures | None,
    *,
    seed: int,
) -> _Asked:
    """Ask every control about the images of groups that have one label."""
    table = split[["path", "label", "group"]].assign(fold=0)
    rows = np.flatnonzero((split.groupby("group")["label"].transform("nunique") == 1).to_numpy())
    labels = split["label"].to_numpy(np.int64)[rows]
    groups = split["group"].to_numpy(np.int64)[rows]
    n_excluded = len(split) - len(rows)
    n_groups = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    if min(n_groups) < N_FOLDS:
        message = (
            f"The controls were not asked: a class has {min(n_groups)} patients or groups with "
            f"one label, and {N_FOLDS} are needed. Nothing is known about shortcuts."
        )
        return _Asked({}, table, [finding("controls", "warning", message)], n_excluded)
    tested_in = folds[rows] if folds is not None else _divide(labels, groups, seed=seed)
    sights = _sights(dataset, rows, features, seed=seed)
    controls, scores = run_controls(sights, labels, groups, tested_in, seed=seed)
    table.loc[rows, "fold"] = tested_in
    scores.index = pd.Index(rows)
    return _Asked(controls, table.join(scores), _findings(controls, n_excluded), n_excluded)


def _divide(labels: IntArray, groups: IntArray, *, seed: int) -> IntArray:
    folds = np.zeros(len(labels), np.int64)
    divisions = whole_groups(labels, groups, n_folds=N_FOLDS, seed=seed)
    for number, (_, tested) in enumerate(divisions, start=1):
        folds[tested] = number
    return folds


def _sights(
    dataset: Dataset, rows: IntArray, features: MaskedFeatures | None, *, seed: int
) -> dict[str, Sight]:
    images = (dataset.images[row] for row in rows)
    sights = {
        "metadata": Sight.of_table(metadata_table(dataset.index.iloc[rows]), seed=seed),
        "coarse_intensity": Sight.of_table(intensity_table(images), seed=seed),
    }
    if features is not None:
        for name in ("centre_blacked_out", "border_blacked_out", "whole_image"):
            sights[name] = Sight.of_features(getattr(features, name)[rows])
    return sights


def _findings(controls: Facts, n_excluded: int) -> list[Facts]:
    findings = [
        finding(name, "warning", _told(name, facts), value=facts["auc"], interval=facts["interval"])
        for name, facts in controls.items()
        if facts["role"] == "control" and facts["above_chance"]
    ]
    findings += [*_about_the_machinery(controls), *_about_masked_images(controls)]
    if n_excluded:
        message = f"{n_excluded} images of groups with both labels were left out of the controls."
        findings.append(finding("controls", "info", message, value=n_excluded))
    return findings


def _about_the_machinery(controls: Facts) -> list[Facts]:
    low, high = controls["permuted_labels"]["interval"]
    if low <= 0.5 <= high:
        return []
    message = "With permuted labels the controls do not stay at chance: do not rely on them."
    value = controls["permuted_labels"]["auc"]
    return [finding("permuted_labels", "error", message, value=value, interval=[low, high])]


def _about_masked_images(controls: Facts) -> list[Facts]:
    """Say where the silence of the controls on masked images proves nothing."""
    if "centre_blacked_out" not in controls:
        message = "The controls on masked images were not asked: this run has no backbone weights."
        return [finding("centre_blacked_out", "info", message)]
    whole, masked = controls["whole_image"], controls["centre_blacked_out"]
    if whole["above_chance"] or masked["above_chance"]:
        return []
    message = (
        "The backbone of the controls on masked images does not tell the classes apart on whole "
        f"images either (AUC {whole['auc']:.3f}): that these controls find nothing says little."
    )
    value, interval = whole["auc"], whole["interval"]
    return [finding("whole_image", "info", message, value=value, interval=interval)]


def _told(name: str, facts: Facts) -> str:
    title = CONTROLS[name].title
    most = facts["by_feature"][0] if facts["by_feature"] else None
    telling = f"; most telling: {most['feature']}, AUC {most['auc']:.3f} by itself" if most else ""
    return (
        f"{title[0].upper()}{title[1:]} alone predicts the label with AUC {facts['auc']:.3f} "
        f"(accuracy {facts['accuracy']:.1%}, p = {facts['p_holm']:.3f} after Holm's correction"
        f"{telling})."
    )
