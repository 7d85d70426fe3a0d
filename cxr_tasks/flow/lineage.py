"""What a task has read and written, as places with their versions: for OpenLineage.

Next to nothing is computed for it: the volume's records hold the digests. What is not there, as
what a failed stage would have written, is left out.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import named_paths, read_config
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import RECORD_FILES, Home, RunPaths, StageName
from cxr_tasks.volume.records import find_record

FILES, KAGGLE = "file", "https://www.kaggle.com"
"""OpenLineage's namespaces of places; in the first a name is an absolute path."""

SYNTHETIC = "Synthetic: this project drew every image. No number from them is about patients."


@dataclass(frozen=True)
class Place:
    """Something that is read or written, by its name in a namespace."""

    name: str
    namespace: str = FILES
    version: str = ""  # changes whenever the content does; empty where nobody has digested it
    about: str = ""  # for a person
    columns: tuple[str, ...] = ()  # of the table that lists its images


@dataclass(frozen=True)
class Lineage:
    """What a task has read and what it has written."""

    inputs: tuple[Place, ...] = ()
    outputs: tuple[Place, ...] = ()


Places = Iterable[Place | None]


def stage_lineage(run: RunPaths, stage: StageName, variant: str = "") -> Lineage:
    """Return what a stage of a run has read and written so far.

    Raises:
        CxrError: A record is damaged.
    """
    read, written = _PLACES[stage](run, variant)
    return _lineage(read, written)


def start_lineage(run: RunPaths) -> Lineage:
    """Return what the beginning of a run writes: its settings."""
    return _lineage([], [_file(run.config)])


def gate_lineage(run: RunPaths) -> Lineage:
    """Return what is looked at before a run may go on to its promotion."""
    return _lineage([_stage(run, "audit"), *_trainings(run), _stage(run, "report")], [])


def scoring_lineage(home: Home, *, paths: Iterable[str], version: str, name: str) -> Lineage:
    """Return what a batch of scores reads and writes.

    Args:
        home: The shared volume.
        paths: The folders, images and zip files.
        version: Of the champion.
        name: Of the batch.
    """
    scores = _finished(home.scores(name), "score.json")
    return _lineage([*map(Place, paths), _version(home, version)], [scores])


def _lineage(read: Places, written: Places) -> Lineage:
    return Lineage(_there(read), _there(written))


def _there(places: Places) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(place for place in places if place is not None))


def _ingest(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    written = [_stage(run, "ingest"), *_images(run), _weights(run)]
    return [_file(run.config), *_sources(run)], written


def _split(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    return [_stage(run, "ingest"), *_images(run)], [_stage(run, "split")]


def _audit(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    return [*_prepared(run), _weights(run), _champions_images(run)], [_stage(run, "audit")]


def _train(run: RunPaths, variant: str) -> tuple[Places, Places]:
    weights = _weights(run) if VARIANTS[variant].uses_backbone else None
    return [*_prepared(run), weights], [_finished(run.train(variant), RECORD_FILES["train"])]


def _evaluate(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    return [*_prepared(run), _stage(run, "audit"), *_trainings(run)], [_stage(run, "evaluate")]


def _report(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    read, written = _evaluate(run, "")
    return [*read, *written], [_stage(run, "report")]


def _promote(run: RunPaths, _variant: str) -> tuple[Places, Places]:
    """The record says which version was made of the run, and which it was compared with."""
    from cxr_tasks.champion.promotion_record import PromotionRecord  # which imports much

    record = find_record(run.promote, PromotionRecord)
    before = record.comparison.champion if record and record.comparison else None
    made = record.version if record else None
    read = [_stage(run, "report"), _stage(run, "evaluate"), *_trainings(run)]
    compared = [*_images(run), _version(run.home, before)] if before else []
    return [*read, *compared], [_stage(run, "promote"), _version(run.home, made)]


_PLACES: dict[StageName, Callable[[RunPaths, str], tuple[Places, Places]]] = {
    "ingest": _ingest,
    "split": _split,
    "audit": _audit,
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
    "promote": _promote,
}


def _prepared(run: RunPaths) -> list[Place | None]:
    return [_stage(run, "ingest"), _stage(run, "split"), *_images(run)]


def _trainings(run: RunPaths) -> list[Place | None]:
    return [_finished(run.train(variant), RECORD_FILES["train"]) for variant in VARIANTS]


def _sources(run: RunPaths) -> Iterator[Place]:
    """Yield what lies outside of the volume, which has no version: nobody has digested it."""
    config = read_config(run)
    yield from (Place(path) for path in named_paths(config).values())
    for each in (config, config.external_config()):
        if each and each.source == "kaggle" and each.kaggle_dataset:
            handle = read_handle("kaggle_dataset", each.kaggle_dataset)
            yield Place(f"datasets/{handle}", KAGGLE)


def _images(run: RunPaths) -> Iterator[Place]:
    """Yield the data sets of a run: what it trains on, and what only tests."""
    record = find_record(run.ingest, IngestRecord)
    for fingerprint in (record.dataset, record.external) if record else ():
        if fingerprint and (place := _dataset(run.home.datasets / fingerprint)):
            yield place


def _dataset(folder: Path) -> Place | None:
    record = find_record(folder, DatasetRecord)
    if record is None:
        return None
    with (folder / "index.csv").open(encoding="utf-8", newline="") as stream:
        columns = tuple(next(csv.reader(stream), ()))
    return Place(
        str(folder),
        version=folder.name,
        about=f"{record.description}. {SYNTHETIC}" if record.synthetic else record.description,
        columns=columns,
    )


def _champions_images(run: RunPaths) -> Place | None:
    """Return the data set of the champion, from which the run's may have drifted."""
    from cxr_tasks.champion.version_record import VersionRecord  # which imports much

    record = find_record(run.ingest, IngestRecord)
    if record is None or not record.champion:
        return None
    version = find_record(run.home.champion / record.champion, VersionRecord)
    return _dataset(run.home.datasets / version.dataset) if version else None


def _weights(run: RunPaths) -> Place | None:
    """Return the file with the backbones' weights; None where they start from random ones."""
    record = find_record(run.ingest, IngestRecord)
    if record is None or not record.weights.file_name:
        return None
    path = run.home.cache / "backbones" / record.weights.file_name
    return Place(str(path), version=record.weights.sha256)


def _version(home: Home, version: str | None) -> Place | None:
    return _finished(home.champion / version, "version.json") if version else None


def _stage(run: RunPaths, stage: StageName) -> Place | None:
    return _finished(run.root / stage, RECORD_FILES[stage])


def _finished(folder: Path, record_name: str) -> Place | None:
    """Return a finished folder: its record holds the digests of its files, so it stands for all."""
    record = folder / record_name
    return Place(str(folder), version=sha256_of(record)) if record.is_file() else None


def _file(path: Path) -> Place | None:
    return Place(str(path), version=sha256_of(path)) if path.is_file() else None
