"""A data set's lung masks, found once and kept: the user's where there is one, else segmented."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset, open_original
from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.lungs.postprocessing import masks_from
from cxr_tasks.lungs.regions import lung_region
from cxr_tasks.lungs.segmenter import BATCH_SIZE, OWN_WEIGHTS, load_segmenter, predict_lungs
from cxr_tasks.statistics.scores import BoolArray, FloatArray
from cxr_tasks.training.keras_runtime import library_versions
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.files import building, digest_of, remove_leftovers, sha256_of
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import duration
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import find_finished, make_record, write_record
from cxr_tasks.volume.source_code import source_digest

_PACKED_WIDTH = IMAGE_SIZE_PX // 8


class LungsRecord(StageRecord):
    """Stored lung masks; configuration and seed are those of the run that wanted them first."""

    FILE: ClassVar[str] = "lungs.json"
    COMMAND: ClassVar[str] = "audit"

    stage: Literal["lungs"]
    n_images: int
    n_given: int
    """Masks that came with the data."""
    n_not_found: int
    """Images in which neither the data nor the segmenter show lungs."""


@dataclass(frozen=True)
class Lungs:
    """The lungs in each image of a data set, in the data set's order."""

    packed: NDArray[np.uint8]  # bits, shape (n, 224, 28); empty where no lungs were found
    given: BoolArray  # whether the mask came with the data, shape (n,)
    quality: FloatArray  # an estimate in [0, 1], shape (n,); 1 where given
    key: str  # stands for all that decides about the masks

    @property
    def found(self) -> BoolArray:
        """Which images have lungs, shape (n,)."""
        return np.asarray(self.packed.reshape(len(self.packed), -1).any(axis=1))

    def mask(self, row: int) -> BoolArray:
        """Return one image's mask, shape (224, 224)."""
        return np.unpackbits(np.asarray(self.packed[row]), axis=1).astype(np.bool_)

    def region(self, row: int) -> BoolArray:
        """Return what is taken out to leave what is not the lungs, shape (224, 224)."""
        return lung_region(self.mask(row))

    def outside(self, row: int) -> BoolArray:
        """Return the rest of the image, shape (224, 224)."""
        return ~self.region(row)


def find_lungs(
    dataset: Dataset, *, home: Home, config_fingerprint: str, seed: int, note: Callable[[str], None]
) -> Lungs:
    """Return the lungs of every image, from `cache/lungs`, or found now.

    `start_keras` comes first. Where a remedy has changed the pictures, the lungs are those of the
    pictures before.

    Args:
        dataset: The images.
        home: Where they are cached.
        config_fingerprint: Of the run, for the cache's record.
        seed: Likewise.
        note: Told where the cache is damaged, and how far it is.
    """
    dataset = open_original(home, dataset)
    key = _key(dataset)
    folder = home.cache / "lungs" / key
    lock = home.locks / f"lungs-{key}.lock"
    with locked(lock, on_wait=lambda: note("another process looks for the lungs; waiting")):
        if find_finished(folder, LungsRecord, note=note) is None:
            started = time.monotonic()
            with building(folder) as built:
                facts = _find(dataset, built)
                seconds = time.monotonic() - started
                record = make_record(
                    built,
                    LungsRecord,
                    inputs={"images": dataset.images_digest},
                    config_fingerprint=config_fingerprint,
                    seed=seed,
                    seconds=seconds,
                    facts=facts,
                )
                write_record(built, record)
            note(f"lungs found in {len(dataset.images)} images in {duration(seconds)}")
        else:
            remove_leftovers(folder)
            note("lungs found before: read from the cache")
    packed = np.load(folder / "masks.npy", mmap_mode="r", allow_pickle=False)
    known = np.load(folder / "quality.npy", allow_pickle=False)
    return Lungs(packed, known[:, 0] == 1, known[:, 1], key)


def _key(dataset: Dataset) -> str:
    """Digest what decides about the masks: images, given masks, the segmenter, and the code."""
    parts = [
        dataset.images_digest,
        dataset.record.outputs.get("masks.npy"),
        sha256_of(OWN_WEIGHTS),
        library_versions(),
        source_digest("lungs"),
    ]
    return digest_of(parts)[:32]


def _find(dataset: Dataset, built: Path) -> dict[str, int]:
    segmenter, n = load_segmenter(), len(dataset.images)
    known = np.zeros((n, 2))
    row_shape = (IMAGE_SIZE_PX, _PACKED_WIDTH)
    n_not_found = 0
    with ArrayFile(built / "masks.npy", row_shape=row_shape, dtype=np.uint8) as file:
        for start in range(0, n, BATCH_SIZE):
            images = np.asarray(dataset.images[start : start + BATCH_SIZE])
            rows = range(start, start + len(images))
            segmented = masks_from(predict_lungs(segmenter, images))
            for row, mask, quality in zip(rows, segmented.masks, segmented.quality, strict=True):
                given = _given(dataset, row)
                known[row] = (given is not None, 1.0 if given is not None else quality)
                lungs = mask if given is None else given
                n_not_found += not lungs.any()
                file.append(np.packbits(lungs, axis=1))
    np.save(built / "quality.npy", known)
    return {"n_images": n, "n_given": int(known[:, 0].sum()), "n_not_found": n_not_found}


def _given(dataset: Dataset, row: int) -> BoolArray | None:
    if dataset.masks is None:
        return None
    mask = np.asarray(dataset.masks[row], dtype=np.bool_)
    return mask if mask.any() else None
