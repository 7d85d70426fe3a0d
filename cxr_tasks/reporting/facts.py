"""The content of `report.json`: every figure that the page shows."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cxr_tasks.audit.audit_record import AuditRecord
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.label_decisions_record import LabelDecisionFacts
from cxr_tasks.data.sources.left_out import left_out_of
from cxr_tasks.data.split_record import SplitFacts
from cxr_tasks.evaluation.comparison_record import ExternalFacts, VariantOutcome
from cxr_tasks.evaluation.verdict_record import VerdictFacts
from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.reporting.mistakes import count_wrong, mistakes
from cxr_tasks.reporting.next_step import as_flag
from cxr_tasks.reporting.report_record import (
    MEASURED_PARTS,
    ClassImages,
    CountSpread,
    Headline,
    ReportAudit,
    ReportData,
    ReportDecisions,
    ReportExternal,
    ReportFigures,
    ReportRecord,
    ReportVariant,
    RunTimes,
    RunWithoutDecisions,
    UntrainedReportVariant,
    VariantReport,
)
from cxr_tasks.runs.ingest_record import IngestFacts
from cxr_tasks.runs.starts import read_starts
from cxr_tasks.settings import SETTINGS, RunConfig, default_of
from cxr_tasks.statistics.figures_record import Basis, ByClass, Estimate, MetricFigures
from cxr_tasks.study import study_differences, study_report
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import Content
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import COVID, NORMAL

_AUDIT_KEYS = (
    "duplicates",
    "patients",
    "sources",
    "n_folds",
    "n_permutations",
    "n_excluded_images",
    "weights_origin",
    "drift",
    "lungs",
    "learning_curve",
)


FindEqual = Callable[[RunPaths, RunConfig, IngestFacts], str | None]


def report_facts(artifacts: Artifacts, *, find_equal: FindEqual) -> ReportFigures:
    """Collect what a run has found; `find_equal` finds a run like this one, of given inputs."""
    comparison, config, ingest = artifacts.comparison, artifacts.config, artifacts.ingest
    decided = artifacts.dataset.record.label_decisions
    return ReportFigures(
        run_key=artifacts.run.key,
        profile=config.profile,
        source=config.source,
        audit=_audit_facts(comparison.audit, artifacts.audit),
        basis=comparison.basis,
        folds=comparison.folds,
        banners=comparison.banners,
        recommendation=comparison.recommendation,
        variants={
            name: _variant_facts(name, comparison.variants[name], comparison.basis)
            for name in VARIANTS
        },
        pairs=comparison.pairs,
        external=_external_facts(comparison.external, ingest),
        study=study_report(_differences(artifacts)),
        data=_data_facts(
            artifacts.dataset,
            left_out_of(ingest, artifacts.dataset.record),
            first_run=ingest.first_run,
        ),
        split=artifacts.split.only(SplitFacts),
        weights=ingest.weights,
        config=config.as_dict(),
        reproduce=reproduce_command(config, weights_origin=ingest.weights.origin),
        hashes=_hashes(artifacts),
        subgroups=comparison.subgroups,
        label_suspects=artifacts.labels.facts if artifacts.labels else None,
        label_decisions=decision_facts(artifacts, decided, find_equal) if decided else None,
        wrong_by_any=count_wrong(mistakes(artifacts, comparison.basis)),
    )


def _audit_facts(verdict: VerdictFacts, audit: AuditRecord | None) -> ReportAudit:
    """Return the verdict with what the audit looked at; nothing of that where it failed."""
    looked_at: Content = {key: getattr(audit, key, None) for key in _AUDIT_KEYS}
    controls = {} if audit is None else audit.controls
    return ReportAudit(**verdict.fields_of(VerdictFacts), **looked_at, controls=controls)


def _differences(artifacts: Artifacts) -> list[str]:
    return study_differences(
        artifacts.config,
        synthetic=artifacts.dataset.record.synthetic,
        n_by_part={part: n.n_images for part, n in artifacts.split.parts.items()},
        weights_origin=artifacts.ingest.weights.origin,
    )


def _external_facts(facts: ExternalFacts | None, ingest: IngestFacts) -> ReportExternal | None:
    if facts is None:
        return None
    left_out = ingest.n_left_out_by_reason.get("external", {})
    return ReportExternal(**facts.fields_of(ExternalFacts), n_left_out_by_reason=left_out)


def _variant_facts(name: str, outcome: VariantOutcome, basis: Basis) -> VariantReport:
    """Return one variant: its training's facts, and its metrics on each part."""
    title, study_name = VARIANTS[name].title, VARIANTS[name].study_name
    if outcome.status != "ok":
        return UntrainedReportVariant(
            status=outcome.status, error=outcome.error, title=title, study_name=study_name
        )
    measured = {part: getattr(outcome, part) for part in MEASURED_PARTS}
    statistics = outcome.statistics
    return ReportVariant(
        **outcome.fields_of(ReportVariant),
        title=title,
        study_name=study_name,
        measured={part: each for part, each in measured.items() if each is not None},
        headline=Headline(
            basis=basis, n_images=statistics.n_images, **statistics.metrics.fields_of(MetricFigures)
        ),
    )


def _data_facts(
    dataset: Dataset, n_left_out_by_reason: dict[str, int], *, first_run: str | None
) -> ReportData:
    """Describe the images of a run: how many, of whom, in which sizes and formats."""
    record, index, remedy = dataset.record, dataset.index, dataset.record.remedy
    return ReportData(
        fingerprint=dataset.fingerprint,
        description=record.description,
        synthetic=record.synthetic,
        n_images=record.n_images,
        n_rejected=record.n_rejected,
        n_left_out=sum(n_left_out_by_reason.values()),
        n_left_out_by_reason=n_left_out_by_reason,
        n_unusable_masks_by_reason=record.n_unusable_masks_by_reason,
        classes=ByClass(
            covid=_class_facts(index[index["label"] == COVID]),
            normal=_class_facts(index[index["label"] == NORMAL]),
        ),
        remedy=remedy.done if remedy else "",
        n_left_out_by_remedy=sum(remedy.n_left_out_by_class.values()) if remedy else 0,
        first_run=first_run or "",
    )


def _class_facts(rows: pd.DataFrame) -> ClassImages:
    patients = rows.loc[rows["patient"] != "", "patient"]
    return ClassImages(
        n_images=len(rows),
        n_with_patient=len(patients),
        known_patient_fraction=len(patients) / len(rows),
        n_patients=int(patients.nunique()),
        formats=_tally(rows["format"]),
        modes=_tally(rows["mode"]),
        width_px=_range(rows["width"]),
        height_px=_range(rows["height"]),
        file_bytes=_range(rows["bytes"]),
    )


def _tally(column: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in column.value_counts().sort_index().items()}


def _range(column: pd.Series) -> CountSpread:
    return CountSpread(least=int(column.min()), median=int(column.median()), most=int(column.max()))


def decision_facts(
    artifacts: Artifacts, decided: LabelDecisionFacts, find_equal: FindEqual
) -> ReportDecisions:
    """Set beside people's decisions about labels what the run would be without them."""
    config, ingest = artifacts.config, artifacts.ingest
    before = ingest.only(IngestFacts).model_copy(update={"dataset": decided.dataset_before})
    return ReportDecisions(
        **decided.fields_of(LabelDecisionFacts),
        file_name=Path(config.label_decisions).name,
        without=_without_decisions(artifacts.run, find_equal(artifacts.run, config, before)),
        command=reproduce_command(
            config.model_copy(update={"label_decisions": ""}), weights_origin=ingest.weights.origin
        ),
    )


def _without_decisions(run: RunPaths, key: str | None) -> RunWithoutDecisions | None:
    report = find_record(run.home.run(key).report, ReportRecord) if key else None
    if key is None or report is None:
        return None
    return RunWithoutDecisions(
        run_key=key,
        verdict=report.audit.verdict,
        variant=report.shown_name,
        roc_auc=report.shown.headline.roc_auc.only(Estimate),
    )


def run_times(run: RunPaths, now: float) -> RunTimes | None:
    """Return when a run began and by whom, its report made now; None where that is not known."""
    starts = read_starts(run)
    if not starts:
        return None
    first = starts[0]
    dag_runs = [start.dag_run for start in starts if start.dag_run]
    return RunTimes(
        started_at=first.at,
        ended_at=now,
        by=first.by,
        how=first.how,
        dag_run=dag_runs[-1] if dag_runs else "",
    )


def _hashes(artifacts: Artifacts) -> dict[str, str]:
    """Return the digests that a second run has to have in common with this one."""
    hashes = {
        "configuration": artifacts.config.fingerprint,
        "data set": artifacts.dataset.fingerprint,
        "split.csv": artifacts.split.outputs["split.csv"],
    }
    if artifacts.ingest.weights.sha256:
        hashes["backbone weights"] = artifacts.ingest.weights.sha256
    models = {
        f"{name}/model.keras": record.outputs["model.keras"]
        for name, record in artifacts.trainings.items()
    }
    return hashes | models


def reproduce_command(config: RunConfig, *, weights_origin: str) -> str:
    """Return the command that starts the same run again, every setting by its flag.

    Args:
        config: The run's configuration.
        weights_origin: Where its backbones' weights came from: where ImageNet's could not be had,
            the command names what took their place, since elsewhere they may be had.
    """
    if not config.weights and weights_origin == "phantom":
        config = config.model_copy(update={"weights": "phantom"})
    words = ["python", "-m", "cxr_tasks", "run", "--profile", config.profile]
    for name in SETTINGS:
        value = getattr(config, name)
        if name != "profile" and value != default_of(name, config.profile):
            words += as_flag(name, value)
    return shlex.join(words)
