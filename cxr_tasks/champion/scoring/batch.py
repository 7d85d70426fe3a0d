"""A batch of new images scored by the champion, into a folder of its own."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_tasks.champion.pointer import retired_versions
from cxr_tasks.champion.pointer_record import ServiceEntry
from cxr_tasks.champion.scores_record import (
    CountedShare,
    KnownData,
    RetirementFacts,
    ScoresFacts,
    ScoresRecord,
    ScoringChampion,
)
from cxr_tasks.champion.scoring.inference import N_BLOCK_IMAGES, Predictor
from cxr_tasks.champion.scoring.inputs import NewImages, open_images
from cxr_tasks.champion.scoring.request import ScoreRequest
from cxr_tasks.champion.scoring.score_table import COLUMNS, BatchSummary, Row, as_csv
from cxr_tasks.champion.scoring.scores_page import render_page
from cxr_tasks.champion.versions import Champion, require_champion
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.decoding import decode_all
from cxr_tasks.errors import ConfigError, DamagedError, DataError, first_few
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.volume.files import (
    as_unicode,
    building,
    open_table,
    remove_leftovers,
    sha256_of,
    write_text,
)
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import watched
from cxr_tasks.volume.record_model import Content
from cxr_tasks.volume.records import Note, find_finished, find_record, make_record, write_record
from cxr_tasks.volume.source_code import source_digest


def score_batch(home: Home, request: ScoreRequest, *, note: Note, now: datetime) -> ScoresRecord:
    """Write `scores/<name>/` with scores.csv, index.html and score.json.

    The same name with the same images, champion and code repeats nothing. Without a name the batch
    is named by the time.

    Raises:
        ConfigError: No champion, or the name is taken: by other images, another champion, or scores
            that other code has made.
        SourceError: A folder or an archive cannot be read, or is not safe.
        DataError: Not one image could be scored.
        ArtifactError: A file of the champion, or its data set, is missing or damaged.
    """
    champion = require_champion(home, request.version)
    images = open_images(request.paths)
    note(f"{len(images.candidates)} files to score with champion {champion.name}")
    name = request.name or now.strftime("scores-%Y%m%d-%H%M%S")
    folder = home.scores(name)
    inputs = {
        "champion": sha256_of(champion.folder / "version.json"),
        "images": images.digest(),
        "code": source_digest(),
    }
    with volume_in_use(home), locked(home.locks / f"scores-{name}.lock"):
        finished = _find_finished(folder, inputs, note)
        remove_leftovers(folder)
        if finished is not None:
            note(f"{name} was scored before: the same images, the same champion")
            return finished
        started = time.monotonic()
        with building(folder) as built, MemoryWatch() as memory:
            asked = {
                "name": name,
                "scored_at": now.isoformat(timespec="seconds"),
                "paths": [as_unicode(path) for path in request.paths],
            }
            facts = _score(home, champion, images, asked, built=built, note=note)
            record = make_record(
                built,
                ScoresRecord,
                inputs=inputs,
                config_fingerprint=champion.record.config_fingerprint,
                seed=champion.record.seed,
                seconds=time.monotonic() - started,
                facts=facts.content() | {"peak_anon_mb": memory.peak_anon_mb()},
            )
            write_record(built, record)
    return record


def _find_finished(folder: Path, inputs: dict[str, str], note: Note) -> ScoresRecord | None:
    """Find the same work done before; a folder with any other is left as it is."""
    if not folder.exists():
        return None
    try:
        record = find_record(folder, ScoresRecord)
    except DamagedError as err:
        raise DamagedError(
            err.problem,
            "Scores are never overwritten, and of which images these are is not known any more.",
            f"Choose another name (on the command line --name), or delete {folder}.",
        ) from err
    before = record.inputs if record else {}
    if before == inputs:
        return find_finished(folder, ScoresRecord, inputs=inputs, note=note)
    other = [key for key, digest in inputs.items() if before.get(key) != digest]
    raise ConfigError(
        f"There are scores named {folder.name!r} already, of other {' and '.join(other)}.",
        "Scores are never overwritten, and those of one name have images, champion and code alike.",
        "Choose another name (on the command line --name), or leave it out.",
    )


def _score(
    home: Home, champion: Champion, images: NewImages, asked: Content, *, built: Path, note: Note
) -> ScoresFacts:
    """Write the table and the page, and return the facts of the record."""
    dataset = open_dataset(home, champion.record.dataset)
    cutoff = champion.record.cutoff
    summary = BatchSummary(cutoff)
    with open_table(built / "scores.csv", COLUMNS) as table:
        for rows in _blocks(images, Predictor(champion, dataset), note):
            summary.add(rows)
            table.writerows(as_csv(row, champion=champion.name, cutoff=cutoff) for row in rows)
    counts = summary.facts()
    if not counts["n_scored"]:
        refused = first_few([f"{row.path!r}: {row.reason}" for row in summary.refused])
        raise DataError(
            f"None of {counts['n_images']} files could be scored ({refused}).",
            "A file has to be a whole JPEG, PNG, BMP or TIFF image of a plausible, grey "
            "radiograph.",
            "Name other files, or convert these; DICOM files have to be exported as PNG first.",
        )
    facts = ScoresFacts(
        **asked,
        champion=_champion_facts(champion, dataset, retired_versions(home).get(champion.name)),
        **counts,
        n_left_out=dict(images.n_left_out),
        n_ignored_links=images.n_ignored_links,
    )
    write_text(built / "index.html", render_page(facts, summary))
    return facts


def _blocks(images: NewImages, predictor: Predictor, note: Note) -> Iterator[list[Row]]:
    """Decode and score one block after the other, so that memory stays flat."""
    with closing(decode_all(images.reader, images.candidates, n_workers=n_cores())) as decoded:
        passing = watched(decoded, n=len(images.candidates), report=note)
        while block := list(islice(passing, N_BLOCK_IMAGES)):
            yield predictor.rows(block)


def _champion_facts(
    champion: Champion, dataset: Dataset, retired: ServiceEntry | None
) -> ScoringChampion:
    """Collect what a reader of scores has to know of the champion."""
    record, predictions = champion.record, champion.predictions()
    n_covid = int((predictions["label"] == 1).sum())
    cutoff = apply_temperature(np.array([record.cutoff]), record.temperature)
    # champions of older versions do not say, and later ones may say what is unknown here
    origin = ORIGINS.get(record.weights_origin, ORIGINS["none"])
    counted = predictions[(predictions["part"] == record.basis) & predictions["cutoff"].notna()]
    positive, label = counted["score"] >= counted["cutoff"], counted["label"]
    return ScoringChampion(
        **record.fields_of(ScoringChampion),
        start=f"Its backbone started {origin.start}." if origin.tag else None,
        retired=RetirementFacts(at=retired.at, reason=retired.reason) if retired else None,
        data=KnownData(
            description=dataset.record.description,
            fingerprint=dataset.fingerprint,
            n_images=len(predictions),
            n_covid=n_covid,
        ),
        prevalence=n_covid / len(predictions),
        example_prevalence=record.config["prevalence"],
        cutoff_probability=float(cutoff[0]),
        at_cutoff=ByClass[CountedShare](
            covid=_share(positive[label == 1]), normal=_share(~positive[label == 0])
        ),
    )


def _share(right: "pd.Series[bool]") -> CountedShare:
    n_right, n = int(right.sum()), len(right)
    return CountedShare(counts=[n_right, n], interval=wilson(n_right, n))
