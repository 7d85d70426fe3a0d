"""One variant's training as a stage: its folds, if it has any, and the fit that is kept.

Killed at any moment, a training is finished or can be continued.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.fit import CHECKPOINT, fit
from cxr_tasks.training.gpu_lease import CardLease
from cxr_tasks.training.task import fold_seed, open_task
from cxr_tasks.training.training_record import (
    FitFacts,
    FoldFacts,
    FoldRecord,
    FoldSummary,
    TrainingFacts,
    TrainingRecord,
)
from cxr_tasks.volume.files import put_in_place, remove_leftovers, sha256_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import Note, find_finished, make_record, require_record, write_record

FitT = TypeVar("FitT", TrainingRecord, FoldRecord)


@dataclass(frozen=True)
class TrainingContext:
    """A variant of a run that is trained in this process, and what reports and watches it."""

    run: RunPaths
    config: RunConfig
    variant: str
    progress: Progress
    memory: MemoryWatch
    card: CardLease

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Digests of what a training reads.

        Raises:
            ArtifactError: Ingestion or split is not finished.
        """
        run = self.run
        require_record(run.ingest, IngestRecord)
        require_record(run.split, SplitRecord)
        return {
            "config": sha256_of(run.config),
            "ingest": sha256_of(run.ingest / IngestRecord.FILE),
            "split": sha256_of(run.split / SplitRecord.FILE),
        }


def train_variant(context: TrainingContext, *, train_one: Callable[[int], None]) -> TrainingRecord:
    """Train one variant of a run, unless that is done; go on where a try before stopped.

    The caller holds the stage's lock. While it runs, everything is in `<variant>.partial`.
    With folds, one is trained after another; those that are finished are kept. The final fit then
    trains for the median of their best epochs.

    Args:
        context: What to train.
        train_one: Trains the fold of this number into the unfinished folder.

    Raises:
        ArtifactError: Ingestion or split is not finished.
        StageError: A fold ended badly.
        TrainingError: The loss is no number.
    """
    run, variant = context.run, context.variant
    return train_once(
        run.training(variant),
        run.train(variant),
        TrainingRecord,
        inputs=context.inputs,
        config_fingerprint=context.config.fingerprint,
        seed=context.config.seed,
        train=partial(_train_folds_and_final, context, train_one),
        note=context.progress.note,
    )


def train_fold(context: TrainingContext, number: int) -> FoldRecord:
    """Train one fold into the variant's unfinished folder; `train_variant` then finds it finished.

    Raises:
        ArtifactError: Ingestion or split is not finished.
        TrainingError: The loss is no number.
    """
    place = fold_folder(context.run.training(context.variant), number)
    return train_once(
        place.with_name(f"{place.name}.partial"),
        place,
        FoldRecord,
        inputs=context.inputs,
        config_fingerprint=context.config.fingerprint,
        seed=fold_seed(context.config.seed, number),
        train=partial(_train_fold, context, number),
        note=context.progress.note,
    )


def fold_folder(variant_folder: Path, number: int) -> Path:
    """Return the folder of a finished fold in its variant's folder."""
    return variant_folder / f"fold-{number}"


def train_once(
    working: Path,
    place: Path,
    model: type[FitT],
    *,
    inputs: Mapping[str, str],
    config_fingerprint: str,
    seed: int,
    train: Callable[[Path], FitFacts],
    note: Note,
) -> FitT:
    """Train into a folder and put it in place, unless it is finished from the same inputs.

    Args:
        working: Where it is trained.
        place: Where it lies when it is finished.
        model: Its record.
        inputs: Digests of what it reads now.
        config_fingerprint: Of the run, for the record.
        seed: The training's, for the record.
        train: Trains into the working folder and returns the record's facts.
        note: Called with what is damaged.
    """
    record = find_finished(place, model, inputs=inputs, note=note)
    is_in_place = record is not None
    record = record or find_finished(working, model, inputs=inputs, note=note)
    for path in (place, working / model.FILE):
        remove_leftovers(path)
    if record is None:
        facts = train(working)
        record = make_record(
            working,
            model,
            inputs=inputs,
            config_fingerprint=config_fingerprint,
            seed=seed,
            seconds=facts.train_seconds,
            facts=facts,
            leave_out=[CHECKPOINT],
        )
        write_record(working, record)
    if not is_in_place:
        # Only now: until the record is written, the training is continued from its checkpoint.
        (working / CHECKPOINT).unlink(missing_ok=True)
        put_in_place(working, place)
    return record


def _train_folds_and_final(
    context: TrainingContext, train_one: Callable[[int], None], folder: Path
) -> TrainingFacts:
    run, config, variant = context.run, context.config, context.variant
    task = open_task(run, config, variant)
    folder.mkdir(parents=True, exist_ok=True)
    keep_whole_folds(run.train(variant), folder, inputs=context.inputs, note=context.progress.note)
    folds = _finish_folds(context, train_one, folder)
    if folds:
        n_epochs = final_epochs(folds, n_deciding=config.folds * config.repeats)
        task = replace(task, n_epochs=n_epochs)
    final = fit(task, folder, progress=context.progress, card=context.card)
    return _with_folds(final, folds, peak_anon_mb=context.memory.peak_anon_mb())


def _train_fold(context: TrainingContext, number: int, folder: Path) -> FoldFacts:
    task = open_task(context.run, context.config, context.variant, fold=number)
    facts = fit(task, folder, progress=context.progress, card=context.card, with_scores=True)
    if number > context.config.folds * context.config.repeats:
        (folder / "model.keras").unlink()  # a repeat for the spread is asked for its scores alone
    peak = context.memory.peak_anon_mb()
    return FoldFacts(**facts.content(), round=number, peak_anon_mb=peak)


def keep_whole_folds(damaged: Path, folder: Path, *, inputs: Mapping[str, str], note: Note) -> None:
    """Take the undamaged folds out of a damaged training: only the rest is trained again."""
    for place in sorted(damaged.glob("fold-*")):
        if find_finished(place, FoldRecord, inputs=inputs, note=note) is None:
            continue
        if not (folder / place.name).exists():
            place.rename(folder / place.name)


def _finish_folds(
    context: TrainingContext, train_one: Callable[[int], None], folder: Path
) -> list[FoldSummary]:
    """Train the folds that a variant's folder lacks, one after another; return how each went."""
    config, found = context.config, []
    for number in range(1, config.folds * config.n_repeats_of(context.variant) + 1):
        place = fold_folder(folder, number)
        record = find_finished(place, FoldRecord, inputs=context.inputs, note=context.progress.note)
        if record is None:
            train_one(number)
            record = require_record(place, FoldRecord)
        found.append(record.only(FoldSummary))
    return found


def final_epochs(folds: Sequence[FoldSummary], *, n_deciding: int) -> int:
    """Return the number of epochs for the final fit: the median of the folds' best epochs.

    Only of the first so many: a repeat that is there for the spread alone decides nothing.
    """
    return max(1, round(median(fold.best_epoch for fold in folds[:n_deciding])))


def _with_folds(final: FitFacts, folds: list[FoldSummary], *, peak_anon_mb: float) -> TrainingFacts:
    """Describe a final fit with its folds: the time of all, and the most memory of any."""
    sums = {
        "train_seconds": round(final.train_seconds + sum(f.train_seconds for f in folds), 3),
        "prepare_seconds": round(final.prepare_seconds + sum(f.prepare_seconds for f in folds), 3),
    }
    return TrainingFacts(
        **(final.content() | sums),
        folds=folds,
        peak_anon_mb=max([peak_anon_mb, *(fold.peak_anon_mb for fold in folds)]),
    )
