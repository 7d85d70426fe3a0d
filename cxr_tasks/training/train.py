"""One variant's training as a stage: its folds, if it has any, and the fit that is kept."""

from collections.abc import Callable, Mapping
from typing import Any

from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.errors import TrainingError
from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.finishing import find_training, finish_training
from cxr_tasks.training.fit import fit
from cxr_tasks.training.folds import (
    final_epochs,
    finish_folds,
    keep_whole_folds,
    train_fold,
    with_costs,
)
from cxr_tasks.training.gpu_lease import CardLease
from cxr_tasks.training.task import TrainingTask
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import Record, record_file, require_record

FAIL_VARIANT = "CXR_TEST_FAIL_VARIANT"
"""Environment variable of the tests: the variant it names fails."""


def train_variant(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    *,
    progress: Progress,
    memory: MemoryWatch,
    card: CardLease,
    train_one: Callable[[int], None],
    environ: Mapping[str, str],
) -> Record:
    """Train one variant of a run, unless that is done; go on where a try before stopped.

    The caller holds the stage's lock. While it runs, everything is in `<variant>.partial`.
    With folds, one is trained after another; those that are finished are kept. The final fit then
    trains for the median of their best epochs.

    Args:
        run: The run.
        config: Its configuration.
        variant: What to train.
        progress: Told every epoch of the final fit.
        memory: Watches what it takes.
        card: The card of this process.
        train_one: Trains the fold of this number into the unfinished folder.
        environ: May name a variant that fails, for the tests.

    Returns:
        The record, as in `train.json`.

    Raises:
        ArtifactError: Ingestion or split is not finished.
        StageError: A fold ended badly.
        TrainingError: The loss is no number.
    """
    ingested, split = require_record(run.ingest, "ingest"), require_record(run.split, "split")
    inputs = _input_digests(run)
    folder, place, note = run.training(variant), run.train(variant), progress.note
    finished = find_training(folder, place, inputs=inputs, note=note)
    if finished is not None:
        return finished
    _fail_if_tested(variant, environ)
    dataset = open_dataset(run.home, ingested["dataset"])
    folder.mkdir(parents=True, exist_ok=True)
    keep_whole_folds(place, folder, inputs=inputs, note=note)
    n_rounds = len(split["folds"]["rounds"]) if split["folds"] else 0
    folds = finish_folds(folder, n_rounds, inputs=inputs, train_one=train_one, note=note)
    task = _task(run, config, variant, dataset, ingested, folds)
    facts = fit(task, folder, progress=progress, card=card)
    facts = with_costs(facts | {"peak_anon_mb": memory.peak_anon_mb()}, folds)
    return finish_training(
        folder,
        place,
        inputs=inputs,
        config_fingerprint=config.fingerprint,
        seed=config.seed,
        facts=facts,
    )


def train_one_fold(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    number: int,
    *,
    progress: Progress,
    memory: MemoryWatch,
    card: CardLease,
) -> Record:
    """Train one fold of a variant; `train_variant` then finds it finished.

    Raises:
        ArtifactError: Ingestion or split is not finished.
        TrainingError: The loss is no number.
    """
    ingested = require_record(run.ingest, "ingest")
    require_record(run.split, "split")
    dataset = open_dataset(run.home, ingested["dataset"])
    return train_fold(
        run,
        config,
        variant,
        number,
        dataset=dataset,
        ingested=ingested,
        inputs=_input_digests(run),
        progress=progress,
        memory=memory,
        card=card,
    )


def _task(
    run: RunPaths,
    config: RunConfig,
    variant: str,
    dataset: Dataset,
    ingested: Record,
    folds: list[dict[str, Any]],
) -> TrainingTask:
    return TrainingTask(
        run,
        config,
        variant=VARIANTS[variant],
        dataset=dataset,
        ingested=ingested,
        split=read_split(run.split),
        seed=config.seed,
        n_epochs=final_epochs(folds) if folds else None,
    )


def _input_digests(run: RunPaths) -> dict[str, str]:
    inputs = {
        "config": run.config,
        "ingest": record_file(run.ingest, "ingest"),
        "split": record_file(run.split, "split"),
    }
    return {name: sha256_of(path) for name, path in inputs.items()}


def _fail_if_tested(variant: str, environ: Mapping[str, str]) -> None:
    if environ.get(FAIL_VARIANT) == variant:
        raise TrainingError(
            f"The training of {variant} was made to fail.",
            f"The environment variable {FAIL_VARIANT} names it.",
            f"Unset {FAIL_VARIANT}.",
        )
