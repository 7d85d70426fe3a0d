"""A run on real-looking images whose records name patients wherever code lets a name get in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit import read_control_scores
from cxr_tasks.audit.audit_record import (
    AuditRecord,
    ControlFacts,
    FindingFacts,
    TellingFeature,
    finding,
)
from cxr_tasks.audit.control_tests import CONTROLS
from cxr_tasks.audit.controls import control_findings
from cxr_tasks.audit.drift import drift_finding
from cxr_tasks.audit.drift_record import DriftNotCompared
from cxr_tasks.audit.leakage import audit_copies, audit_patients, audit_sources
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.evaluation.comparison_record import BannerFacts
from cxr_tasks.evaluation.subgroups import Scored, make_subgroups
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.evaluation.verdict_record import VerdictFacts
from cxr_tasks.reporting.facts import reproduce_command
from cxr_tasks.reporting.report_record import (
    ReportDecisions,
    ReportExternal,
    ReportRecord,
    ReportVariant,
    UntrainedReportVariant,
)
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import read_sealed_record, write_sealed_record
from tests.champion.drawn_champion import VARIANT
from tests.drawn_run import draw_explanation

NAME = "Doe^Jane"
"""Stands in every text that somebody types, and in values that few images have."""

N_PATIENTS = 8
PATHS = {
    "data": f"/srv/{NAME}/xrays",
    "covid_glob": f"COVID/{NAME}*",
    "normal_glob": f"-{NAME}*",
    "patients": f"{NAME}.csv",
    "lung_masks": f"../{NAME}/{{name}}",
    "label_decisions": f"/srv/decisions of {NAME}.csv",
    "weights": f"/srv/{NAME}.h5",
    "external_data": f"/srv/{NAME}.zip",
    "external_patients": f"{NAME}.csv",
}
SCORE, ROW = 0.123456789, 987654
"""Of an image whose map is shown."""


def naming_index(index: pd.DataFrame) -> pd.DataFrame:
    """Return an index with names of patients in paths, and copies of one image."""
    number = np.arange(len(index)) % N_PATIENTS
    classes = np.where(index["label"] == 1, "COVID", "NORMAL")
    paths = [
        f"{kind}/ward-{k}/IMG-{k}-{i}.png"
        for i, (k, kind) in enumerate(zip(number, classes, strict=True))
    ]
    rare = np.where(np.arange(len(index)) < 4, f"{NAME}'s", "common")
    patients = [f"PATIENT-M-{k}" for k in number]
    known: dict[str, Any] = {"path": paths, "patient": patients, "source": rare, "hospital": rare}
    return index.assign(**known, sha256="00" * 32, phash="00" * 8)


def names_in(index: pd.DataFrame) -> set[str]:
    """Return what may not leave: paths, their parts below a class's folder, patients."""
    parts = {part for path in index["path"] for part in Path(path).parts[1:]}
    return {NAME, *index["path"], *parts, *index["patient"]}


def name_patients(run: RunPaths) -> set[str]:
    """Write a run's report anew, its texts by the code that makes them; return the names in it."""
    report = read_sealed_record(run.report / ReportRecord.FILE, ReportRecord)
    dataset = open_dataset(run.home, report.data.fingerprint)
    known = replace(dataset, index=naming_index(dataset.index))
    split = read_split(run.split).assign(path=known.index["path"])
    split["part"] = np.where(np.arange(len(split)) % 3 == 0, "train", "test")
    config = RunConfig.model_validate(
        report.config | {"variants": tuple(report.config["variants"])}
    )
    config = config.model_copy(update=PATHS)
    decided = decisions_of(config)
    named = report.model_copy(
        update={
            "source": "folder",
            "config": {**config.as_dict(), "external_source": "zip", "a_later_one": NAME},
            "reproduce": reproduce_command(config, weights_origin="none"),
            "audit": _audit(run, report, known, split),
            "data": report.data.model_copy(update={"description": f"folder {NAME}"}),
            "external": _external(),
            "subgroups": make_subgroups(_scored(known.index)),
            "variants": {**report.variants, **_variants(run, report, known)},
            "label_decisions": decided,
            "banners": [_banner(decided)],
            "a_later_key": {"of": NAME},
        }
    )
    write_sealed_record(run.report / ReportRecord.FILE, named)
    return names_in(known.index)


def _audit(run: RunPaths, report: ReportRecord, known: Dataset, split: pd.DataFrame) -> Any:
    audit = read_sealed_record(run.audit / AuditRecord.FILE, AuditRecord)
    copies, of_copies = audit_copies(known, split)
    patients, of_patients = audit_patients(known, split)
    sources, of_sources = audit_sources(known.index)
    drift = DriftNotCompared(
        champion="0001-first", dataset=None, status="not compared", reason=f"{NAME}.png is gone."
    )
    controls = {name: _control(name) for name in ("acquisition_hospital", "permuted_labels")}
    findings = [
        *of_patients,
        *of_copies,
        *of_sources,
        drift_finding(drift),
        *control_findings(controls),
        finding("a_later_check", "warning", f"{NAME} was found.", value=1),
    ]
    verdict = _verdict(run, audit, findings)
    looked_at: dict[str, Any] = {
        "controls": {"acquisition_hospital": controls["acquisition_hospital"]},
        "duplicates": copies,
        "patients": patients,
        "sources": sources,
        "drift": drift,
    }
    return report.audit.model_copy(update=verdict.fields_of(VerdictFacts) | looked_at)


def _verdict(run: RunPaths, audit: AuditRecord, findings: list[FindingFacts]) -> VerdictFacts:
    scores = read_control_scores(run.audit)
    assert scores is not None
    labels = scores["label"].to_numpy(np.int64)
    rows = np.arange(len(labels))
    scored = ScoredImages(labels, 0.1 + 0.8 * labels, rows)
    found = audit.model_copy(update={"findings": findings})
    return make_verdict(found, scores, {VARIANT: scored}, rows, about=VARIANT, seed=1)


def _control(name: str) -> ControlFacts:
    return ControlFacts(
        **CONTROLS[name].content(),
        n_features=2,
        auc=0.7,
        interval=[0.6, 0.8],
        accuracy=0.7,
        p_value=0.001,
        p_holm=0.001,
        above_chance=True,
        by_feature=[TellingFeature(feature=f"hospital {NAME}'s", auc=0.7)],
    )


def _scored(index: pd.DataFrame) -> Scored:
    labels = index["label"].to_numpy(np.int64)
    scores = ScoredImages(labels, 0.1 + 0.8 * labels, np.arange(len(labels)))
    return Scored(index, {VARIANT: scores}, VARIANT, seed=1, n_resamples=20)


def _variants(run: RunPaths, report: ReportRecord, known: Dataset) -> dict[str, Any]:
    trained = report.trained[VARIANT]
    scored = _scored(known.index).shown
    explained = draw_explanation(
        run.root,
        None,
        np.arange(len(scored)),
        scored,
        wrong=~scored.are_right,
        part="val",
        built=run.root,
    )
    shown = explained.examples[0].model_copy(update={"row": ROW, "score": SCORE})
    explained = explained.model_copy(update={"examples": [shown]})
    failed = UntrainedReportVariant(
        title="x", study_name="x", status="failed", error=f"{known.index['path'].iloc[0]} is odd"
    )
    assert isinstance(trained, ReportVariant)
    return {VARIANT: trained.model_copy(update={"explanation": explained}), "vanilla_cnn": failed}


def _external() -> ReportExternal:
    return ReportExternal(
        description=f"zip file {NAME}.zip",
        fingerprint="00" * 32,
        synthetic=False,
        n_images=1,
        n_covid=1,
        n_normal=0,
        n_groups=1,
        n_excluded_copies=0,
        variants={},
    )


def decisions_of(config: RunConfig) -> ReportDecisions:
    return ReportDecisions(
        n_changed=2,
        n_left_out=1,
        n_kept=0,
        by=["ann"],
        dataset_before="00" * 32,
        file_name=Path(config.label_decisions).name,
        without=None,
        command=reproduce_command(config, weights_origin="none"),
    )


def _banner(decided: ReportDecisions) -> BannerFacts:
    text = f"Labels decided by people: {decided.in_words(decided.file_name)}."
    return BannerFacts(kind="label_decisions", text=text)
