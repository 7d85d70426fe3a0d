"""Every image in every version that a set may need, ingested and seen by the controls once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.real.disease import STRENGTHS, Strength, draw_disease, enlarged
from bench.real.normals import Normal
from bench.real.shortcuts import SHORTCUTS, png
from cxr_tasks.audit.control_tests import Seen
from cxr_tasks.audit.features import masked_images
from cxr_tasks.audit.tables import intensity_table, outside_table
from cxr_tasks.data.images import decode_image
from cxr_tasks.lungs.masks import masks_from
from cxr_tasks.lungs.segmenter import load_segmenter, predict_lungs
from cxr_tasks.lungs.store import Lungs

PLAIN = "plain"
SPOILT: Strength = "moderate"
VERSIONS = (PLAIN, *STRENGTHS, *SHORTCUTS)
"""As it is; with disease of each strength; with `SPOILT` disease and each shortcut."""

_BATCH_SIZE = 40


@dataclass(frozen=True)
class Versions:
    """All versions of some images: those of the first image first, in the order of `VERSIONS`."""

    index: pd.DataFrame  # one row a version, as in a data set's index
    seen: Seen  # without what the file alone tells, which depends on the set
    found: NDArray[np.bool_]  # whether lungs were found, shape (n,)

    def rows(self, images: Sequence[int], versions: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of some images, each in a version."""
        pairs = zip(images, versions, strict=True)
        return np.array([i * len(VERSIONS) + VERSIONS.index(name) for i, name in pairs], np.int64)


def start_worker() -> None:
    """Start Keras in a process that makes versions."""
    from cxr_tasks.training.keras_runtime import start_keras

    logging.disable(logging.INFO)
    start_keras(threads=1, seed=0, card="")


def make_versions(
    part: tuple[int, Sequence[Normal]], *, weights: Path | None, seed: int
) -> Versions:
    """Draw, save, decode and look at all versions of some images.

    Args:
        part: The images, and before them the number of the first of them among all, which decides
            what is drawn.
        weights: Of MobileNetV2; None for random ones.
        seed: Decides what is drawn.
    """
    first, normals = part
    plain = np.stack([decode_image(png(each.grey)).pixels for each in normals])
    masks = _lungs(plain)
    decoded, rows = [], []
    for place, normal in enumerate(normals):
        for file in _files(normal, masks.mask(place), seed=[seed, first + place]):
            image = decode_image(file)
            decoded.append(image.pixels[..., 0])
            facts = {name: value for name, value in vars(image).items() if name != "pixels"}
            rows.append({**facts, "patient": normal.patient, "bytes": len(file)})
    images = _AsRgb(np.stack(decoded))
    lungs = _lungs(images)
    return Versions(pd.DataFrame(rows), _see(images, lungs, weights), lungs.found)


def _files(normal: Normal, mask: NDArray[np.bool_], *, seed: Sequence[int]) -> list[bytes]:
    lungs = enlarged(mask, normal.grey.shape)
    diseased = {
        name: draw_disease(normal.grey, lungs, np.random.default_rng([*seed, 0]), strength=name)
        for name in STRENGTHS
    }
    planted = [
        shortcut.plant(diseased[SPOILT], np.random.default_rng([*seed, number]))
        for number, shortcut in enumerate(SHORTCUTS.values(), start=1)
    ]
    return [png(normal.grey), *(png(each) for each in diseased.values()), *planted]


@dataclass(frozen=True)
class _AsRgb:
    """Grey images read as three equal channels."""

    grey: NDArray[np.uint8]  # shape (n, side, side)

    def __len__(self) -> int:
        return len(self.grey)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        return np.repeat(self.grey[rows][..., None], 3, axis=-1)


def _lungs(images: Any) -> Lungs:
    parts = range(0, len(images), _BATCH_SIZE)
    found = [
        masks_from(predict_lungs(_segmenter(), images[start : start + _BATCH_SIZE]))
        for start in parts
    ]
    masks = np.concatenate([each.masks for each in found])
    quality = np.concatenate([each.quality for each in found])
    return Lungs(np.packbits(masks, axis=2), np.zeros(len(masks), np.bool_), quality, key="")


def _see(images: _AsRgb, lungs: Lungs, weights: Path | None) -> Seen:
    rows = range(len(images))
    tables = {
        "outside_intensity": outside_table((images[i] for i in rows), map(lungs.region, rows)),
        "whole_intensity": intensity_table(images[i] for i in rows),
    }
    features = {
        name: np.concatenate(
            [
                np.asarray(_prefix(weights).predict_on_batch(seen[start : start + _BATCH_SIZE]))
                for start in range(0, len(images), _BATCH_SIZE)
            ]
        ).astype(np.float64)
        for name, seen in masked_images(images, lungs).items()
    }
    return Seen(tables, features)


@cache
def _segmenter() -> Any:
    return load_segmenter()


@cache
def _prefix(weights: Path | None) -> Any:
    from bench.audit_rates import frozen_prefix

    return frozen_prefix(weights)
