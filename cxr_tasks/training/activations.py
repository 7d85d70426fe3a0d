"""What the frozen layers give for every image of a data set, computed once and kept."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.training.keras_runtime import describe_device, library_versions
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.files import building, digest_of, remove_leftovers
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import duration
from cxr_tasks.volume.records import find_finished, make_record, write_record
from cxr_tasks.volume.source_code import source_digest

STAGE = "activations"
BATCH_SIZE = 32
"""Images at once: the first maps of 32 images take 150 MB each, whatever the data set."""

Model = Any


@dataclass(frozen=True)
class Activations:
    """A data set's images as the frozen layers see them.

    Attributes:
        key: Stands for all that decides about the values.
        values: float32, shape (n_images, ...), memory-mapped, in the order of the images.
        n_computed: How many images had to be computed now: all, or none.
    """

    key: str
    values: NDArray[np.float32]
    n_computed: int


def frozen_activations(
    prefix: Model,
    dataset: Dataset,
    *,
    home: Home,
    config_fingerprint: str,
    seed: int,
    note: Callable[[str], None],
) -> Activations:
    """Have the output of a network's frozen part for every image in `cache/activations`.

    Variants, folds and later runs share it. Of two tasks that want the same one at once, the
    second waits. A cache whose file is not what its record says is computed again.

    Args:
        prefix: From images (n, height, width, 3), uint8, to one tensor (n, ...).
        dataset: The images.
        home: The shared volume.
        config_fingerprint: Digest of the configuration that wants them first, for the record.
        seed: That configuration's seed, for the record.
        note: Told what a watching person wants to know.
    """
    key = activations_key(prefix, dataset)
    folder = home.cache / "activations" / key
    lock = home.locks / f"activations-{key}.lock"
    with locked(lock, on_wait=lambda: note("another process runs the frozen layers; waiting")):
        was_there = find_finished(folder, STAGE, note=note) is not None
        remove_leftovers(folder)
        if was_there:
            note("frozen layers computed before: read from the cache")
        else:
            seconds = _build(folder, prefix, dataset, config_fingerprint, seed)
            note(f"frozen layers computed for {len(dataset.images)} images in {duration(seconds)}")
    values = np.load(folder / "activations.npy", mmap_mode="r", allow_pickle=False)
    return Activations(key, values, n_computed=0 if was_there else len(values))


def activations_key(prefix: Model, dataset: Dataset) -> str:
    """Digest what decides about the values: images, layers, weights, and what computes them.

    Libraries, device and threads move the last bits, and this code may move more. They are in the
    key so that a training has the same figures whether it finds the activations or computes them.
    """
    import keras

    parts = [
        _digest_of_images(dataset),
        digest_of(json.loads(prefix.to_json())),
        _digest_of_weights(prefix),
        prefix.outputs[0].dtype,
        keras.backend.backend(),
        library_versions(),
        source_digest("training"),
        describe_device(),
        BATCH_SIZE,
    ]
    return digest_of(parts)[:32]


def _build(
    folder: Path, prefix: Model, dataset: Dataset, config_fingerprint: str, seed: int
) -> float:
    """Compute the activations into `folder`, whole or not at all; give the seconds it took."""
    started = time.monotonic()
    with building(folder) as built:
        _compute(prefix, dataset, built / "activations.npy")
        seconds = time.monotonic() - started
        inputs = {"images": _digest_of_images(dataset)}
        facts = {"n_images": len(dataset.images)}
        record = make_record(
            built,
            STAGE,
            inputs=inputs,
            config_fingerprint=config_fingerprint,
            seed=seed,
            seconds=seconds,
            facts=facts,
        )
        write_record(built, record)
    return seconds


def _compute(prefix: Model, dataset: Dataset, path: Path) -> None:
    row_shape = prefix.outputs[0].shape[1:]
    with ArrayFile(path, row_shape=row_shape, dtype=np.float32) as file:
        for batch, n_new in _equal_batches(dataset.images):
            for row in np.asarray(prefix.predict_on_batch(batch))[-n_new:]:
                file.append(row)


def _equal_batches(images: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Give batches of one size, with the number of images that are new at the end of each.

    The last one overlaps the one before: a batch of another size is traced anew.
    """
    size = min(BATCH_SIZE, len(images))
    for start in range(0, len(images), size):
        end = min(start + size, len(images))
        yield np.asarray(images[end - size : end]), end - start


def _digest_of_images(dataset: Dataset) -> str:
    return str(dataset.record["outputs"]["images.npy"])


def _digest_of_weights(model: Model) -> str:
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype.str}:{weight.shape};".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()
