"""A variant's folds: each a training of its own, kept when it is finished."""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import read_fold
from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.finishing import find_training, finish_training
from cxr_tasks.training.fit import fit
from cxr_tasks.training.gpu_lease import CardLease
from cxr_tasks.training.task import TrainingTask
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import Note, Record, find_finished, require_record

_KEPT = (
    "best_epoch",
    "epochs_run",
    "stopped_by",
    "train_seconds",
    "prepare_seconds",
    "resumed_from_epoch",
    "peak_anon_mb",
    "without_lag",
)


def fold_folder(variant_folder: Path, number: int) -> Path:
    """Give the folder of a finished fold in its variant's folder."""
    return variant_folder / f"fold-{number}"


def train_fold(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    number: int,
    *,
    dataset: Dataset,
    ingested: Record,
    inputs: Mapping[str, str],
    progress: Progress,
    memory: MemoryWatch,
    card: CardLease,
) -> Record:
    """Train one fold into the variant's unfinished folder; go on where a try before stopped.

    Args:
        run: The run.
        config: Its configuration.
        variant: What to train.
        number: Which round of the folds, from 1.
        dataset: The images.
        ingested: The record of the run's ingestion.
        inputs: Digests of what a training reads.
        progress: Told every epoch.
        memory: Watches what it takes.
        card: The card of this process.
    """
    place = fold_folder(run.training(variant), number)
    working = place.with_name(f"{place.name}.partial")
    finished = find_training(working, place, inputs=inputs, note=progress.note)
    if finished is not None:
        return finished
    task = TrainingTask(
        run,
        config,
        variant=VARIANTS[variant],
        dataset=dataset,
        ingested=ingested,
        split=read_fold(run.split, number),
        seed=fold_seed(config.seed, number),
    )
    facts = fit(task, working, progress=progress, card=card, with_scores=True)
    facts |= {"round": number, "peak_anon_mb": memory.peak_anon_mb()}
    return finish_training(
        working,
        place,
        inputs=inputs,
        config_fingerprint=config.fingerprint,
        seed=task.seed,
        facts=facts,
    )


def finish_folds(
    folder: Path,
    n_rounds: int,
    *,
    inputs: Mapping[str, str],
    train_one: Callable[[int], None],
    note: Note,
) -> list[dict[str, Any]]:
    """Train the folds that a variant's folder lacks, one after another.

    Args:
        folder: The variant's.
        n_rounds: How many folds there are in all.
        inputs: Digests of what a training reads; a fold from others is trained again.
        train_one: Trains the fold of this number into the folder.
        note: Told which fold is damaged and trained again.

    Returns:
        How each fold went.
    """
    told = []
    for number in range(1, n_rounds + 1):
        place = fold_folder(folder, number)
        record = find_finished(place, "train", inputs=inputs, note=note)
        if record is None:
            train_one(number)
            record = require_record(place, "train")
        told.append({"round": number, **{key: record[key] for key in _KEPT}})
    return told


def final_epochs(folds: list[dict[str, Any]]) -> int:
    """Give the number of epochs for the final fit: the median of the folds' best epochs."""
    epochs = [int(fold["best_epoch"]) for fold in folds]
    return max(1, round(median(epochs)))


def with_costs(final: dict[str, Any], folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe a final fit with its folds: the time of all, and the most memory of any."""
    sums = {
        key: round(final[key] + sum(fold[key] for fold in folds), 3)
        for key in ("train_seconds", "prepare_seconds")
    }
    peak = max(each["peak_anon_mb"] for each in (final, *folds))
    return final | sums | {"peak_anon_mb": peak, "folds": folds}


def fold_seed(seed: int, number: int) -> int:
    """Derive a fold's seed from the run's, in [0, 2**31)."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) >> 1


def keep_whole_folds(damaged: Path, folder: Path, *, inputs: Mapping[str, str], note: Note) -> None:
    """Take the undamaged folds out of a damaged training: only the rest is trained again."""
    for place in sorted(damaged.glob("fold-*")):
        if find_finished(place, "train", inputs=inputs, note=note) is None:
            continue
        if not (folder / place.name).exists():
            place.rename(folder / place.name)
