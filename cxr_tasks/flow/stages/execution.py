"""How a stage is executed: what it is given, alone on its folder, watched, its end reported."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cxr_tasks.errors import DamagedError
from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import check_code, is_of_this_code, open_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import RunPaths, StageName
from cxr_tasks.volume.progress import Progress, duration
from cxr_tasks.volume.record_model import Facts, StageRecord
from cxr_tasks.volume.records import StageT, check_outputs, find_record, finish_once
from cxr_tasks.volume.size import as_size, weigh


@dataclass(frozen=True)
class StageContext:
    """What a stage is given: its run, where it reports progress, and a watch on its memory."""

    run: RunPaths
    config: RunConfig
    progress: Progress
    environ: Mapping[str, str]
    variant: str = ""
    fold: int = 0
    memory: MemoryWatch = field(default_factory=MemoryWatch)

    def for_fold(self, number: int) -> "StageContext":
        """Return what one fold of this variant is given; it is reported as part of its training."""
        fit = f"fold {number} of {self.config.folds * self.config.n_repeats_of(self.variant)}"
        progress = replace(self.progress, stage="train", fit=fit)
        return replace(self, progress=progress, fold=number, memory=MemoryWatch())

    def finish_once(
        self,
        folder: Path,
        model: type[StageT],
        inputs: Mapping[str, Path],
        build: Callable[[Path], Facts],
    ) -> StageT:
        """Build this stage's folder unless it is finished from the same inputs, and whole."""
        return finish_once(
            folder,
            model,
            inputs={"config": self.run.config, **inputs},
            config_fingerprint=self.config.fingerprint,
            seed=self.config.seed,
            build=lambda built: (
                build(built).content() | {"peak_anon_mb": self.memory.peak_anon_mb()}
            ),
            note=self.progress.note,
        )


def execute_alone(
    stage: StageName, context: StageContext, work: Callable[[StageContext], str]
) -> None:
    """Run a stage in this process, alone on its folder, and report how long it took.

    Of a run that other code began, only what is finished is left as it is.

    Args:
        stage: Its name.
        context: What it is given.
        work: Does it, and returns a sentence about the result.
    """
    run, progress = context.run, context.progress
    whose = f"{context.variant}-fold-{context.fold}" if context.fold else context.variant
    lock = run.lock(stage, whose or None)
    with (
        volume_in_use(run.home, on_wait=lambda: progress.echo("space is being freed; waiting")),
        locked(lock, on_wait=lambda: progress.note("another process is working on it; waiting")),
        context.memory,
    ):
        open_run(run.home, run.key)  # it may have been removed meanwhile
        started = time.monotonic()
        result = work(context) if is_of_this_code(run) else _keep_finished(stage, context)
        result += f" ({duration(time.monotonic() - started)}{_size(stage, context)})"
        if context.fold:
            progress.note(result)  # only its variant's stage is done when it is done
        else:
            progress.emit("done", result)


def _size(stage: StageName, context: StageContext) -> str:
    """Return how large what the stage made is: its folder, if it has one, or the data sets."""
    run = context.run
    folder = run.train(context.variant) if context.variant else run.root / stage
    if context.fold or not folder.is_dir():
        return ""
    folders = [folder]
    if stage == "ingest":
        record = find_record(run.ingest, IngestRecord)
        names = (record.dataset, record.external) if record else ()
        folders = [run.home.datasets / name for name in names if name]
    return f", {as_size(sum(weigh(folder).n_bytes for folder in folders))} on disk"


def _keep_finished(stage: StageName, context: StageContext) -> str:
    """Leave a stage as other code has finished it, so that no run has results of two codes.

    What `promote` made of the run, a version of the champion, is made again where it is damaged.

    Returns:
        A sentence about it.

    Raises:
        ConfigError: It is not finished, or damaged.
    """
    record = _find_whole(stage, context)
    if record is None:
        check_code(context.run)
    elif stage == "promote":
        from cxr_tasks.champion.promotion_record import PromotionRecord
        from cxr_tasks.champion.restoring import restore_version

        if isinstance(record, PromotionRecord):
            restore_version(context.run, context.config, record, note=context.progress.note)
    return "finished before, by another state of the project's code; kept as it is"


def _find_whole(stage: StageName, context: StageContext) -> StageRecord | None:
    model = _model_of(stage)
    for folder in _folders(stage, context):
        try:
            record = find_record(folder, model)
            if record is not None:
                check_outputs(folder, record)
                return record
        except DamagedError as err:
            context.progress.note(err.problem)
    return None


def _model_of(stage: StageName) -> type[StageRecord]:
    """Return the record of a stage."""
    from cxr_tasks.audit.audit_record import AuditRecord
    from cxr_tasks.champion.promotion_record import PromotionRecord
    from cxr_tasks.data.split_record import SplitRecord
    from cxr_tasks.evaluation.comparison_record import ComparisonRecord
    from cxr_tasks.reporting.report_record import ReportRecord
    from cxr_tasks.training.training_record import FoldRecord, TrainingRecord

    models: tuple[type[StageRecord], ...] = (
        IngestRecord,
        SplitRecord,
        AuditRecord,
        TrainingRecord,
        ComparisonRecord,
        ReportRecord,
        PromotionRecord,
    )
    if stage == "fold":
        return FoldRecord
    return next(model for model in models if model.stage_name() == stage)


def _folders(stage: StageName, context: StageContext) -> tuple[Path, ...]:
    """Name where the stage may lie finished; a fold also in a training that is under way."""
    run = context.run
    if stage == "fold":
        from cxr_tasks.training.train import fold_folder

        variants = (run.train(context.variant), run.training(context.variant))
        return tuple(fold_folder(folder, context.fold) for folder in variants)
    return (run.train(context.variant) if stage == "train" else run.root / stage,)
