"""Whether a run's model may be promoted at all, before anything is compared."""

from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.champion.challenges import challenger_digest
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.errors import ArtifactError, TrainingError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord, DecisionRule
from cxr_tasks.evaluation.verdict import NO_AUDIT
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import require_record


@dataclass(frozen=True)
class Challenger:
    """The recommended variant of a finished run, its files checked against their records."""

    run: RunPaths
    config: RunConfig
    report: ReportRecord
    dataset: Dataset  # the images that it was trained and measured on
    model_digest: str  # SHA-256 of its saved model

    @property
    def variant(self) -> str:
        """The variant that the run recommends."""
        return self.report.shown_name

    @property
    def fixed(self) -> DecisionRule:
        """Its temperature and cut-off: test and out-of-fold figures always have them."""
        fixed = self.report.shown.fixed
        if fixed is None:
            raise ValueError(f"nothing was fixed for {self.variant}")
        return fixed

    @property
    def model_file(self) -> Path:
        """The saved model."""
        return self.run.train(self.variant) / "model.keras"

    @property
    def predictions_file(self) -> Path:
        """Its predictions for each image of its data."""
        return self.run.evaluate / self.variant / "predictions.csv"

    @property
    def digest(self) -> str:
        """Digest of the model and of its predictions."""
        return challenger_digest(self.model_digest, sha256_of(self.predictions_file))


def lacking(run: RunPaths, config: RunConfig) -> str | None:
    """Describe what a run lacks to challenge anything; None where it is complete and has a model.

    Raises:
        ArtifactError: A file is missing, not what its record says, or older than what it was
            made from.
    """
    try:
        check_complete(run, config)
    except TrainingError as err:
        return err.problem
    if _checked_report(run).recommendation.variant is None:
        return "No variant is recommended, so there is no model to promote."
    return None


def open_challenger(run: RunPaths, config: RunConfig) -> Challenger:
    """Open the recommended variant of a run that lacks nothing.

    Raises:
        ArtifactError: A file is missing, not what its record says, or older than what it was
            made from.
    """
    report = _checked_report(run)
    evaluation = require_record(run.evaluate, ComparisonRecord)
    variant = report.shown_name
    training = require_record(run.train(variant), TrainingRecord)
    _check_made_from(evaluation, variant, run.train(variant) / "train.json")
    dataset = open_dataset(run.home, require_record(run.ingest, IngestRecord).dataset)
    return Challenger(run, config, report, dataset, training.outputs["model.keras"])


def objections(challenger: Challenger) -> list[str]:
    """List why a model may not be promoted, whatever the champion is; empty where it may."""
    config, report = challenger.config, challenger.report
    audit, recommendation = report.audit, report.recommendation
    found = {
        "Its images are synthetic, drawn by the project.": challenger.dataset.record.synthetic,
        f"Its images were made anew (remedy={config.remedy}), and those to be scored are not.": (
            config.remedy not in ("none", "balanced")
        ),
        f"Its split is {config.split!r}; only 'grouped' keeps patients and copies apart.": (
            config.split != "grouped"
        ),
        f"Its figures are of {report.basis!r} images, which had a part in the training; "
        "test or out-of-fold ones are needed.": report.basis not in ("oof", "test"),
        f"{challenger.variant} is not better than always naming the larger class "
        f"(p = {recommendation.p_chance:.3f}).": not recommendation.above_chance,
        "The audit's controls were not asked, so nothing is known about shortcuts.": (
            not audit.controls or audit.sentence == NO_AUDIT
        ),
        f"The audit's verdict is shortcut. {audit.sentence}": (
            audit.verdict == "shortcut" and not config.allow_shortcut
        ),
    }
    return [reason for reason, holds in found.items() if holds]


def _checked_report(run: RunPaths) -> ReportRecord:
    report = require_record(run.report, ReportRecord)
    _check_made_from(report, "evaluate", run.evaluate / ComparisonRecord.FILE)
    return report


def _check_made_from(record: StageRecord, name: str, source: Path) -> None:
    before, stage = record.inputs.get(name), record.stage
    if before is not None and before != sha256_of(source):
        raise ArtifactError(
            f"The stage {stage!r} of this run is older than {source}.",
            "A model is promoted with the figures that were measured on it.",
            f"Run it again: python -m cxr_tasks {stage} --run NAME.",
        )
