"""Stage `audit`: copies and patients across the split, sources, shortcut controls, drift."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit_record import AuditFacts, gravest_first
from cxr_tasks.audit.control_tests import n_asked
from cxr_tasks.audit.controls import audit_controls
from cxr_tasks.audit.drift import drift_finding, measure_drift
from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.audit.features import AuditInputs, MaskedFeatures, lungs_of, masked_features
from cxr_tasks.audit.leakage import audit_copies, audit_patients, audit_sources
from cxr_tasks.audit.lungs_found import audit_lungs
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.learning_curve import learning_curve
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.statistics.permutation_test import enough_permutations
from cxr_tasks.statistics.scores import IntArray
from cxr_tasks.volume.files import write_table

SCORES_FILE = "control_scores.csv"


def make_audit(inputs: AuditInputs, *, built: Path) -> AuditFacts:
    """Audit a run's data; write `control_scores.csv` into `built`."""
    origin = inputs.ingested.weights.origin
    lungs = lungs_of(inputs)
    features = masked_features(inputs, lungs) if origin != "none" else None
    return audit_dataset(
        inputs.dataset,
        inputs.split,
        lungs,
        folds=inputs.folds,
        features=features,
        seed=inputs.config.seed,
        built=built,
        drift=measure_drift(inputs, features),
        weights_origin=origin,
    )


def audit_dataset(
    dataset: Dataset,
    split: pd.DataFrame,
    lungs: Lungs,
    *,
    folds: IntArray | None,
    features: MaskedFeatures | None,
    seed: int,
    built: Path,
    drift: DriftFacts | None = None,
    weights_origin: str = "none",
) -> AuditFacts:
    """Audit images of which the frozen features are known, or None where there is no backbone."""
    duplicates, of_copies = audit_copies(dataset, split)
    patients, of_patients = audit_patients(dataset, split)
    sources, of_sources = audit_sources(dataset.index)
    asked = audit_controls(dataset, split, folds, lungs, features=features, seed=seed)
    write_table(asked.scores, built / SCORES_FILE)
    of_lungs, about_lungs = audit_lungs(lungs, split)
    of_drift = [drift_finding(drift)] if drift else []
    findings = [*of_copies, *of_patients, *of_sources, *asked.findings, *about_lungs, *of_drift]
    return AuditFacts(
        n_images=len(split),
        n_groups=int(split["group"].nunique()),
        n_folds=asked.n_folds,
        n_permutations=enough_permutations(n_asked(asked.controls)),
        n_excluded_images=asked.n_excluded,
        controls=asked.controls,
        duplicates=duplicates,
        patients=patients,
        sources=sources,
        lungs=of_lungs,
        findings=gravest_first(findings),
        drift=drift,
        weights_origin=weights_origin,
        learning_curve=_learning_curve(split, features, seed=seed),
    )


def _learning_curve(
    split: pd.DataFrame, features: MaskedFeatures | None, *, seed: int
) -> LearningCurveFacts | None:
    if features is None:
        return None
    labels, groups = (split[name].to_numpy(np.int64) for name in ("label", "group"))
    return learning_curve(standardised(features.whole_image), labels, groups, seed=seed)


def read_control_scores(folder: Path) -> pd.DataFrame:
    """Read what the controls say of each image; empty where they were not asked about it."""
    kinds = {"path": str, "label": int, "group": int, "fold": int}
    scores: pd.DataFrame = pd.read_csv(folder / SCORES_FILE, dtype=kinds, na_values={"path": []})
    return scores
