"""A data set made from another one by a remedy, stored as any other."""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import (
    INDEX_COLUMNS,
    MASKS_FILE,
    Dataset,
    DatasetFacts,
    DatasetRecord,
    RemedyFacts,
    RemedyName,
    open_dataset,
)
from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.lungs.segmenter import OWN_WEIGHTS
from cxr_tasks.lungs.store import find_lungs
from cxr_tasks.remedies.alike import file_facts
from cxr_tasks.remedies.balance import choose_balanced
from cxr_tasks.remedies.pictures import DONE, PictureRemedy, RemediedImages
from cxr_tasks.settings import RunConfig
from cxr_tasks.statistics.scores import BoolArray, IntArray
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.files import building, digest_of, remove_leftovers, sha256_of, write_table
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Report, duration
from cxr_tasks.volume.records import find_finished, make_record, versions, write_record
from cxr_tasks.volume.source_code import source_digest
from cxr_tasks.wording import CLASS_NAMES

_PICTURE_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3)
_DECIDING_CODE = ("remedies", "data", "lungs", "audit", "statistics")
_DECIDING_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "pillow", "tensorflow", "keras")


def make_remedied(base: str, config: RunConfig, *, home: Home, report: Report = print) -> str:
    """Store what a run's remedy makes of a data set; what is there is not made again.

    Args:
        base: Fingerprint of the data set.
        config: Names the remedy; seed and threads decide too.
        home: The shared volume.
        report: Takes what a watching person wants to know.

    Returns:
        The fingerprint of the new data set.

    Raises:
        DataError: The classes do not overlap, so that they cannot be balanced.
    """
    fingerprint = _fingerprint(base, config)
    folder = home.datasets / fingerprint
    with locked(home.locks / f"dataset-{fingerprint}.lock"):
        record = find_finished(folder, DatasetRecord, note=report)
        remove_leftovers(folder)
        if record is None:
            _build(folder, open_dataset(home, base), config, home=home, report=report)
        else:
            report(f"remedy {config.remedy}: made before, dataset {fingerprint}")
    return fingerprint


def _fingerprint(base: str, config: RunConfig) -> str:
    """Digest what decides: the base, the remedy, and the code that makes it."""
    libraries = [versions()[name] for name in _DECIDING_LIBRARIES]
    code = [source_digest(*_DECIDING_CODE), sha256_of(OWN_WEIGHTS), libraries]
    return digest_of([base, config.remedy, config.seed, code])[:16]


def _build(folder: Path, base: Dataset, config: RunConfig, *, home: Home, report: Report) -> None:
    started = time.monotonic()
    with building(folder) as built:
        if config.remedy == "balanced":
            facts = _balance(base, built, seed=config.seed)
        else:
            facts = _change_pictures(base, built, config, home=home, report=report)
        (built / "rejected.csv").write_bytes(
            (home.datasets / base.fingerprint / "rejected.csv").read_bytes()
        )
        seconds = time.monotonic() - started
        record = make_record(
            built,
            DatasetRecord,
            inputs={"base": base.fingerprint},
            config_fingerprint=config.fingerprint,
            seed=config.seed,
            seconds=seconds,
            facts=facts,
        )
        write_record(built, record)
    done = facts.remedy.done if facts.remedy else ""
    report(f"remedy {config.remedy}: {facts.n_images} images {done}, in {duration(seconds)}")


def _change_pictures(
    base: Dataset, built: Path, config: RunConfig, *, home: Home, report: Report
) -> DatasetFacts:
    from cxr_tasks.training.keras_runtime import start_keras

    remedy: PictureRemedy = config.remedy  # type: ignore[assignment]  # the others came before
    start_keras(threads=config.threads, seed=config.seed, card="")
    lungs = find_lungs(
        base, home=home, config_fingerprint=config.fingerprint, seed=config.seed, note=report
    )
    sizes: list[int] = []
    with ArrayFile(built / "images.npy", row_shape=_PICTURE_SHAPE, dtype=np.uint8) as file:
        for picture, n_bytes in RemediedImages(base.images, lungs, remedy):
            file.append(picture)
            sizes.append(n_bytes or 0)
    # hash and digest stay those of the files: copies are found by them
    index = base.index if remedy == "lungs" else _of_files(base.index, sizes)
    every = np.arange(len(index))
    return _finish(base, built, index, every, _named(base, remedy, DONE[remedy]))


def _balance(base: Dataset, built: Path, *, seed: int) -> DatasetFacts:
    chosen = choose_balanced(base, seed=seed)
    with ArrayFile(built / "images.npy", row_shape=_PICTURE_SHAPE, dtype=np.uint8) as file:
        for row in chosen.rows:
            file.append(np.asarray(base.images[row]))
    done = f"in {chosen.n_pairs} pairs of patients matched on {' and '.join(chosen.telling)}"
    index = base.index.iloc[chosen.rows]
    return _finish(base, built, index, chosen.rows, _named(base, "balanced", done))


def _of_files(index: pd.DataFrame, sizes: list[int]) -> pd.DataFrame:
    """Return an index whose files are as they were encoded anew."""
    facts = pd.DataFrame([file_facts()] * len(index)).assign(bytes=sizes)
    rest = index.drop(columns=list(facts))
    return pd.concat([rest, facts], axis=1)[list(INDEX_COLUMNS)]


def _named(base: Dataset, name: RemedyName, done: str) -> RemedyFacts:
    return RemedyFacts(name=name, base=base.fingerprint, done=done, n_left_out_by_class={})


def _finish(
    base: Dataset, built: Path, index: pd.DataFrame, rows: IntArray, remedy: RemedyFacts
) -> DatasetFacts:
    """Write index and masks; return the facts of the base, its counts corrected."""
    write_table(index, built / "index.csv")
    if base.masks is not None:
        _write_masks(base.masks, rows, built)
    before = base.index["label"]
    labels, patients = index["label"], index["patient"] != ""
    n_by_class = {of: int((labels == label).sum()) for label, of in CLASS_NAMES.items()}
    left_out = {
        of: int((before == label).sum()) - n_by_class[of] for label, of in CLASS_NAMES.items()
    }
    return base.record.only(DatasetFacts).model_copy(
        update={
            "n_images": len(index),
            "n_by_class": n_by_class,
            "known_patient_fraction_by_class": {
                of: float(patients[labels == label].mean()) for label, of in CLASS_NAMES.items()
            },
            "n_masks_by_class": {
                of: int((index.loc[labels == label, "mask"] != "").sum())
                for label, of in CLASS_NAMES.items()
            },
            "remedy": remedy.model_copy(update={"n_left_out_by_class": left_out}),
        }
    )


def _write_masks(masks: BoolArray, rows: IntArray, built: Path) -> None:
    shape = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    with ArrayFile(built / MASKS_FILE, row_shape=shape, dtype=np.bool_) as file:
        for row in rows:
            file.append(np.asarray(masks[row]))
