"""The stages that judge: audit, evaluation, report, and the champion's challenge."""

from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.flow.stages.execution import StageContext
from cxr_tasks.runs.start import check_code
from cxr_tasks.volume.records import find_record, require_record
from cxr_tasks.wording import recommended

if TYPE_CHECKING:
    from collections.abc import Callable

    from cxr_tasks.audit.features import AuditInputs
    from cxr_tasks.data.split_record import FoldRounds
    from cxr_tasks.evaluation.evaluate import EvaluationInputs
    from cxr_tasks.evaluation.external_dataset import Score
    from cxr_tasks.lungs.store import Lungs
    from cxr_tasks.runs.ingest_record import IngestRecord
    from cxr_tasks.statistics.scores import BoolArray


def run_audit(context: StageContext) -> str:
    """Look for copies across the split, and for what other than disease tells the classes apart."""
    from cxr_tasks.audit.audit import make_audit
    from cxr_tasks.audit.audit_record import AuditRecord
    from cxr_tasks.data.split_record import SplitRecord
    from cxr_tasks.runs.ingest_record import IngestRecord

    run = context.run
    ingested = require_record(run.ingest, IngestRecord)
    folds = require_record(run.split, SplitRecord).folds
    record = context.finish_once(
        run.audit,
        AuditRecord,
        {"ingest": run.ingest / IngestRecord.FILE, "split": run.split / SplitRecord.FILE},
        lambda built: make_audit(_audit_inputs(context, ingested, folds), built=built),
    )
    n_findings = len(record.findings)
    return f"{n_findings} {'finding' if n_findings == 1 else 'findings'}"


def _audit_inputs(
    context: StageContext, ingested: "IngestRecord", folds: "FoldRounds | None"
) -> "AuditInputs":
    from cxr_tasks.audit.features import AuditInputs
    from cxr_tasks.champion.versions import dataset_of
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import read_split, read_tested_in

    run = context.run
    return AuditInputs(
        run=run,
        config=context.config,
        dataset=open_dataset(run.home, ingested.dataset),
        split=read_split(run.split),
        folds=read_tested_in(run.split, n_folds=folds.n_folds) if folds else None,
        ingested=ingested,
        champion_dataset=partial(dataset_of, run.home, ingested.champion or ""),
        note=context.progress.note,
    )


def run_evaluate(context: StageContext) -> str:
    """Measure every finished variant, compare them, and judge what the scores are worth."""
    from cxr_tasks.audit.audit_record import AuditRecord
    from cxr_tasks.data.split_record import SplitRecord
    from cxr_tasks.evaluation.comparison_record import ComparisonRecord
    from cxr_tasks.evaluation.evaluate import make_comparison
    from cxr_tasks.training.training_record import TrainingRecord

    run, config = context.run, context.config
    inputs = {
        "split": run.split / SplitRecord.FILE,
        "audit": run.audit / AuditRecord.FILE,
        "audit-error": run.error("audit"),
    }
    for name in config.variants:
        inputs |= {
            name: run.train(name) / TrainingRecord.FILE,
            f"{name}-error": run.error("train", name),
        }
    evaluation = _evaluation_inputs(context)
    record = context.finish_once(
        run.evaluate,
        ComparisonRecord,
        inputs,
        lambda built: make_comparison(evaluation, built=built),
    )
    recommendation = recommended(record.recommendation.variant)
    return f"{recommendation}; audit: {record.audit.verdict}"


def _evaluation_inputs(context: StageContext) -> "EvaluationInputs":
    from cxr_tasks.audit.audit import read_control_scores
    from cxr_tasks.audit.audit_record import AuditRecord
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import read_split
    from cxr_tasks.data.split_record import SplitRecord
    from cxr_tasks.evaluation.evaluate import EvaluationInputs
    from cxr_tasks.evaluation.explanation import explain_variant
    from cxr_tasks.evaluation.predictions import score_images
    from cxr_tasks.runs.ingest_record import IngestRecord
    from cxr_tasks.training.model_file import load_model

    run, config, note = context.run, context.config, context.progress.note
    ingested = require_record(run.ingest, IngestRecord)
    require_record(run.split, SplitRecord)
    load = cache(load_model)
    audited = find_record(run.audit, AuditRecord) is not None
    return EvaluationInputs(
        run=run,
        config=config,
        dataset=open_dataset(run.home, ingested.dataset),
        split=read_split(run.split),
        audit=require_record(run.audit, AuditRecord) if audited else None,
        control_scores=read_control_scores(run.audit) if audited else None,
        external=open_dataset(run.home, ingested.external) if ingested.external else None,
        score=partial(score_images, config=config, note=note, load=load),
        explain=partial(
            explain_variant, region_of=_region_of(context), seed=config.seed, load=load
        ),
    )


def _region_of(context: StageContext) -> "Callable[[int], BoolArray]":
    """Return what finds the lungs of an image of the run's; the masks are read at the first."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.lungs.store import find_lungs
    from cxr_tasks.runs.ingest_record import IngestRecord

    run, config = context.run, context.config

    @cache
    def lungs() -> "Lungs":
        ingested = require_record(run.ingest, IngestRecord)
        return find_lungs(
            open_dataset(run.home, ingested.dataset),
            home=run.home,
            config_fingerprint=config.fingerprint,
            seed=config.seed,
            note=context.progress.note,
        )

    return lambda row: lungs().region(row)


def run_report(context: StageContext) -> str:
    """Render the report."""
    from cxr_tasks.evaluation.comparison_record import ComparisonRecord
    from cxr_tasks.reporting.report import make_report
    from cxr_tasks.reporting.report_record import ReportRecord

    run, config = context.run, context.config
    require_record(run.evaluate, ComparisonRecord)
    inputs = {"evaluate": run.evaluate / ComparisonRecord.FILE}
    context.finish_once(
        run.report,
        ReportRecord,
        inputs,
        lambda built: make_report(run, config, built, find_equal=find_equal_run),
    )
    return str(run.report / "index.html")


def run_promote(context: StageContext) -> str:
    """Let the run's model serve, if it is better than the one that does."""
    from cxr_tasks.champion.describe import describe_promotion
    from cxr_tasks.champion.promotion import make_promotion
    from cxr_tasks.champion.promotion_record import PromotionRecord
    from cxr_tasks.champion.restoring import restore_version
    from cxr_tasks.reporting.report_record import ReportRecord

    run, config, note = context.run, context.config, context.progress.note
    require_record(run.report, ReportRecord)
    inputs = {"report": run.report / ReportRecord.FILE}
    if config.approval:
        inputs["approval"] = run.approval
    record = context.finish_once(
        run.promote,
        PromotionRecord,
        inputs,
        lambda built: make_promotion(
            run, config, score=_scorer(context), now=datetime.now(UTC), note=note, built=built
        ),
    )
    restore_version(run, config, record, note=note)
    return describe_promotion(run.home, record)


def ask_for_approval(context: StageContext) -> None:
    """Write down what a person is asked about the run's model, if it would be promoted."""
    from cxr_tasks.champion.proposal import propose

    check_code(context.run)
    propose(
        context.run,
        context.config,
        score=_scorer(context),
        now=datetime.now(UTC),
        note=context.progress.note,
    )


def _scorer(context: StageContext) -> "Score":
    """Return what scores images by the champion's saved model."""
    from cxr_tasks.evaluation.predictions import score_images
    from cxr_tasks.training.model_file import load_model

    note = context.progress.note
    return partial(score_images, config=context.config, note=note, load=cache(load_model))
