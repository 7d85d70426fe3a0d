"""What the frozen layers give for every image of a data set, computed once and kept."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.training.keras_runtime import describe_device, library_versions
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.files import building, digest_of, remove_leftovers
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import duration
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import find_finished, make_record, write_record
from cxr_tasks.volume.source_code import source_digest

BATCH_SIZE = 32
"""Images at once: the first maps of 32 images take 150 MB each, whatever the data set."""

Model = Any


class Images(Protocol):
    """Images that are read batch by batch: an array, or what makes them as they are read."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Return some images, uint8, shape (n, height, width, 3)."""
        ...


class ActivationsRecord(StageRecord):
    """Cached activations; configuration and seed are those of the run that wanted them first."""

    FILE: ClassVar[str] = "activations.json"
    COMMAND: ClassVar[str] = "train"

    stage: Literal["activations"]
    n_images: int


@dataclass(frozen=True)
class Activations:
    """A data set's images as the frozen layers see them."""

    key: str  # stands for all that decides about the values
    # float32, shape (n_images, ...), memory-mapped, in the order of the images
    values: NDArray[np.float32]
    n_computed: int  # how many images had to be computed now: all, or none


def frozen_activations(
    prefix: Model,
    images: Images,
    *,
    inputs: Mapping[str, str],
    home: Home,
    config_fingerprint: str,
    seed: int,
    note: Callable[[str], None],
) -> Activations:
    """Return the output of a network's frozen part for every image, from `cache/activations`.

    Variants, folds and later runs share it. Of two tasks that want the same one at once, the
    second waits. A cache whose file is not what its record says is computed again.

    Args:
        prefix: From images (n, height, width, 3), uint8, to one tensor (n, ...).
        images: uint8, shape (n, height, width, 3), read batch by batch.
        inputs: Digests that stand for their content: `images` of the stored ones, and of whatever
            changes them as they are read.
        home: The shared volume.
        config_fingerprint: Digest of the configuration that wants them first, for the record.
        seed: That configuration's seed, for the record.
        note: Receives what a watching person wants to know.
    """
    key, n_computed = activations_key(prefix, inputs), 0
    folder = home.cache / "activations" / key
    lock = home.locks / f"activations-{key}.lock"
    with locked(lock, on_wait=lambda: note("another process runs the frozen layers; waiting")):
        if find_finished(folder, ActivationsRecord, note=note) is not None:
            remove_leftovers(folder)
            note("frozen layers computed before: read from the cache")
        else:
            n_computed, started = len(images), time.monotonic()
            with building(folder) as built:
                _compute(prefix, images, built / "activations.npy")
                seconds = time.monotonic() - started
                record = make_record(
                    built,
                    ActivationsRecord,
                    inputs=inputs,
                    config_fingerprint=config_fingerprint,
                    seed=seed,
                    seconds=seconds,
                    facts={"n_images": n_computed},
                )
                write_record(built, record)
            note(f"frozen layers computed for {n_computed} images in {duration(seconds)}")
    values = np.load(folder / "activations.npy", mmap_mode="r", allow_pickle=False)
    return Activations(key, values, n_computed)


def activations_key(prefix: Model, inputs: Mapping[str, str]) -> str:
    """Digest what decides about the values: images, layers, weights, and what computes them.

    Libraries, device and threads move the last bits, and this code may move more. They are in the
    key so that a training has the same figures whether it finds the activations or computes them.
    """
    import keras

    weights = hashlib.sha256()
    for weight in prefix.get_weights():
        weights.update(f"{weight.dtype.str}:{weight.shape};".encode())
        weights.update(np.ascontiguousarray(weight).data)
    parts = [
        dict(inputs),
        digest_of(json.loads(prefix.to_json())),
        weights.hexdigest(),
        prefix.outputs[0].dtype,
        keras.backend.backend(),
        library_versions(),
        source_digest("training"),
        describe_device(),
        BATCH_SIZE,
    ]
    return digest_of(parts)[:32]


def _compute(prefix: Model, images: Images, path: Path) -> None:
    row_shape = prefix.outputs[0].shape[1:]
    with ArrayFile(path, row_shape=row_shape, dtype=np.float32) as file:
        for batch, n_new in _equal_batches(images):
            for row in np.asarray(prefix.predict_on_batch(batch))[-n_new:]:
                file.append(row)


def _equal_batches(images: Images) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield batches of one size, with the number of images that are new at the end of each.

    The last one overlaps the one before: a batch of another size is traced anew.
    """
    size = min(BATCH_SIZE, len(images))
    for start in range(0, len(images), size):
        end = min(start + size, len(images))
        yield np.asarray(images[end - size : end]), end - start
