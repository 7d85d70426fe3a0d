"""What a segmenter is worth: on drawn chests, on the phantom data, on real masks, on no chests."""

import io
import os
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from bench.images import BESIDE, SHARED_DATA
from bench.lungs.chest import MIN_DEPTH
from bench.lungs.strangers import draw_strangers
from bench.lungs.training import draw_lessons
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.anatomy import lung_depth, make_scene
from cxr_tasks.data.phantom.drawing import render
from cxr_tasks.lungs.postprocessing import MASK_SIZE_PX, LungMasks, masks_from
from cxr_tasks.lungs.segmenter import BATCH_SIZE, Model, predict_lungs

Pixels = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Figures = dict[str, Any]

_HELD_OUT_SEED = 9_000_000
_PHANTOM_SEED = 55
_N_TIMED = 8
_IMAGES, _MASKS = "cxr-324.zip", "lung-masks.zip"


def measure(
    segmenter: Model, *, n_images: int, workers: int, environ: Mapping[str, str] = os.environ
) -> Figures:
    """Measure a segmenter; real images only where they lie beside the project.

    Args:
        segmenter: As `load_segmenter` returns it.
        n_images: Drawn of each kind.
        workers: Processes that draw.
        environ: May name the folder of real images.
    """
    figures = {
        "core_ms_per_image": _milliseconds(segmenter),
        "drawn_like_training": _drawn(segmenter, n_images, workers),
        "phantoms": _phantoms(segmenter, n_images),
        "no_chests": _strangers(segmenter, n_images),
    }
    shared = Path(environ.get(SHARED_DATA) or BESIDE)
    if (shared / _IMAGES).exists() and (shared / _MASKS).exists():
        figures |= _real(segmenter, shared)
    return figures


def dice(masks: Masks, truth: Masks) -> NDArray[np.float64]:
    """Return the overlap of each pair of masks, shape (n,): 1 where they are the same.

    Args:
        masks: Shape (n, height, width).
        truth: Likewise, none of them empty.
    """
    both = (masks & truth).sum(axis=(1, 2))
    overlap: NDArray[np.float64] = 2 * both / (masks.sum(axis=(1, 2)) + truth.sum(axis=(1, 2)))
    return overlap


def phantom_with_mask(patient: int, *, seed: int) -> tuple[Pixels, Masks]:
    """Return a phantom as it is stored, shape (224, 224, 3), and where its lungs are."""
    grey = render(patient % 2, seed=seed, patient=patient, view=0)
    rngs = (np.random.default_rng([seed, patient, stream]) for stream in (0, 1))
    mask = lung_depth(make_scene(*rngs)) > MIN_DEPTH
    return _as_stored(Image.fromarray(grey)), _resized_mask(Image.fromarray(mask).convert("L"))


def find(segmenter: Model, images: Pixels) -> LungMasks:
    """Return the masks of images, shape (n, 224, 224, 3)."""
    return masks_from(predict_lungs(segmenter, images))


def read_real_masks(shared: Path) -> dict[str, Masks]:
    """Read masks that people drew, by the stem of their image's name, at the stored size."""
    with ZipFile(shared / _MASKS) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        return {
            PurePosixPath(name).stem: _resized_mask(Image.open(io.BytesIO(archive.read(name))))
            for name in names
        }


def read_real_images(shared: Path) -> dict[str, Pixels]:
    """Read all real images as they are stored, by the stem of their name."""
    with ZipFile(shared / _IMAGES) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return {PurePosixPath(name).stem: decode_image(archive.read(name)).pixels for name in names}


def _milliseconds(segmenter: Model) -> float:
    """Return the time of a core, in full batches, masks included, whatever else runs."""
    images = np.zeros((BATCH_SIZE, MASK_SIZE_PX, MASK_SIZE_PX, 3), np.uint8)
    find(segmenter, images)
    seconds = []
    for _ in range(_N_TIMED):
        started = time.process_time()
        find(segmenter, images)
        seconds.append(time.process_time() - started)
    return round(1000 * float(np.median(seconds)) / BATCH_SIZE, 1)


def _drawn(segmenter: Model, n_images: int, workers: int) -> Figures:
    lessons = draw_lessons(n_images, seed=_HELD_OUT_SEED, workers=workers)
    chests = lessons.masks.max(axis=(1, 2)) > 0
    images = np.stack([_as_stored(Image.fromarray(each)) for each in lessons.pixels[chests]])
    masks = [_resized_mask(Image.fromarray(each)) for each in lessons.masks[chests]]
    return _figures(find(segmenter, images), np.stack(masks))


def _phantoms(segmenter: Model, n_images: int) -> Figures:
    drawn = [phantom_with_mask(number, seed=_PHANTOM_SEED) for number in range(n_images)]
    images, masks = (np.stack(each) for each in zip(*drawn, strict=True))
    return _figures(find(segmenter, images), masks)


def _strangers(segmenter: Model, n_images: int) -> Figures:
    """Count, by kind, in how many pictures of no chest lungs are found."""
    by_kind = {}
    for kind, pictures in draw_strangers(n_images, seed=_PHANTOM_SEED).items():
        lungs = find(segmenter, np.stack([_as_stored(Image.fromarray(each)) for each in pictures]))
        by_kind[kind] = {"n": len(pictures), "n_found": int(lungs.found.sum())}
    return by_kind


def _real(segmenter: Model, shared: Path) -> Figures:
    masks, images = read_real_masks(shared), read_real_images(shared)
    all_lungs = find(segmenter, np.stack(list(images.values())))
    outlined = find(segmenter, np.stack([images[stem] for stem in masks]))
    return {
        "real_masks": _figures(outlined, np.stack(list(masks.values()))),
        "real_images": {
            "n": len(images),
            "n_not_found": int((~all_lungs.found).sum()),
            "quality_mean": round(float(all_lungs.quality.mean()), 3),
        },
    }


def _figures(lungs: LungMasks, truth: Masks) -> Figures:
    overlap = dice(lungs.masks, truth)
    return {
        "n": len(truth),
        "dice_mean": round(float(overlap.mean()), 4),
        "dice_tenth": round(float(np.quantile(overlap, 0.1)), 4),
        "dice_lowest": round(float(overlap.min()), 4),
        "n_not_found": int((~lungs.found).sum()),
        "quality_spearman": round(float(spearmanr(overlap, lungs.quality).statistic), 3),
    }


def _as_stored(picture: Image.Image) -> Pixels:
    size = (MASK_SIZE_PX, MASK_SIZE_PX)
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BILINEAR))


def _resized_mask(picture: Image.Image) -> Masks:
    size = (MASK_SIZE_PX, MASK_SIZE_PX)
    return np.asarray(picture.convert("L").resize(size, Image.Resampling.BILINEAR)) > 127
