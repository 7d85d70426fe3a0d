"""Real normals with disease and shortcuts drawn in, under every remedy, seen by networks once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.real.disease import Strength, draw_disease, enlarged
from bench.real.normals import Normal
from bench.real.shortcuts import SHORTCUTS, png
from cxr_tasks.audit.tables import outside_table
from cxr_tasks.data.images import decode_image
from cxr_tasks.lungs.masks import masks_from
from cxr_tasks.lungs.regions import PaintedImages
from cxr_tasks.lungs.segmenter import load_segmenter, predict_lungs
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.remedies.alike import file_facts
from cxr_tasks.remedies.pictures import DONE, PictureRemedy, RemediedImages
from cxr_tasks.statistics.scores import FloatArray

PLAIN, NONE, NOTHING = "plain", "none", "nothing"
SPOILT: Strength = "strong"  # one that a ridge on some 60 to 120 images learns
PLANTED = ("corner_marker", "letter", "border", "brightness", "size", "format", "recompressed")
VERSIONS = (PLAIN, SPOILT, *PLANTED)
REMEDIES: dict[str, PictureRemedy] = {name: name for name in DONE}
WAYS = (NONE, *REMEDIES, NOTHING)
"""As they came; with each remedy; with one that adds a grey level of noise and nothing else."""

_BATCH_SIZE = 36


@dataclass(frozen=True)
class SeenWay:
    """All versions of some images, treated in one way; those of the first image first."""

    index: pd.DataFrame  # what is known of the files
    outside: pd.DataFrame  # coarse intensity outside the lungs
    whole_features: FloatArray  # frozen features, shape (n, d)
    outside_features: FloatArray  # of the images without their lungs, shape (n, d)


def rows_of(images: Sequence[int], versions: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows of some images, each in a version."""
    pairs = zip(images, versions, strict=True)
    return np.array([i * len(VERSIONS) + VERSIONS.index(name) for i, name in pairs], np.int64)


def see_part(
    part: tuple[int, Sequence[Normal]], *, weights: Path | None, seed: int
) -> dict[str, SeenWay]:
    """Draw, save and decode all versions of some images, treat them in every way, and look.

    Args:
        part: The images, and before them the number of the first among all.
        weights: Of MobileNetV2; None for random ones.
        seed: Decides what is drawn.
    """
    first, normals = part
    plain = np.stack([decode_image(png(each.grey)).pixels for each in normals])
    masks = _lungs(plain)
    pictures, rows = [], []
    for place, normal in enumerate(normals):
        for file in _files(normal, masks.mask(place), seed=[seed, first + place]):
            decoded = decode_image(file)
            pictures.append(decoded.pixels)
            facts = {name: value for name, value in vars(decoded).items() if name != "pixels"}
            rows.append({**facts, "patient": normal.patient, "bytes": len(file)})
    images, index = np.stack(pictures), pd.DataFrame(rows)
    lungs = _lungs(images)
    return {way: _see(way, images, index, lungs, weights, seed=[seed, first]) for way in WAYS}


def _files(normal: Normal, mask: NDArray[np.bool_], *, seed: Sequence[int]) -> list[bytes]:
    lungs = enlarged(mask, normal.grey.shape)
    rng = np.random.default_rng([*seed, 0])
    diseased = draw_disease(normal.grey, lungs, rng, strength=SPOILT)
    planted = [
        SHORTCUTS[name].plant(diseased, np.random.default_rng([*seed, number]))
        for number, name in enumerate(PLANTED, start=1)
    ]
    return [png(normal.grey), png(diseased), *planted]


def _see(
    way: str,
    images: NDArray[np.uint8],
    index: pd.DataFrame,
    lungs: Lungs,
    weights: Path | None,
    *,
    seed: Sequence[int],
) -> SeenWay:
    treated = images
    if way == NOTHING:
        noise = np.random.default_rng(seed).integers(-1, 2, images.shape[:3])[..., None]
        treated = (images.astype(np.int64) + noise).clip(0, 255).astype(np.uint8)
    elif way != NONE:
        treated = np.stack([each for each, _ in RemediedImages(images, lungs, REMEDIES[way])])
    if way in ("alike", "both"):
        known = pd.DataFrame([file_facts()] * len(index))
        index = pd.concat([index.drop(columns=list(known)), known], axis=1)
    rows = range(len(images))
    return SeenWay(
        index,
        outside_table((treated[i] for i in rows), map(lungs.region, rows)),
        _features(treated, weights),
        _features(PaintedImages(treated, lungs.region), weights),
    )


def _features(images: Any, weights: Path | None) -> FloatArray:
    from bench.audit_rates import frozen_prefix

    network = frozen_prefix(weights)
    starts = range(0, len(images), _BATCH_SIZE)
    found = [network.predict_on_batch(images[start : start + _BATCH_SIZE]) for start in starts]
    return np.concatenate(found).astype(np.float64)


def _lungs(images: NDArray[np.uint8]) -> Lungs:
    starts = range(0, len(images), _BATCH_SIZE)
    found = [
        masks_from(predict_lungs(_segmenter(), images[start : start + _BATCH_SIZE]))
        for start in starts
    ]
    masks = np.concatenate([each.masks for each in found])
    quality = np.concatenate([each.quality for each in found])
    return Lungs(np.packbits(masks, axis=2), np.zeros(len(masks), np.bool_), quality, key="")


@cache
def _segmenter() -> Any:
    return load_segmenter()
