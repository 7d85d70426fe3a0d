"""Real normals with disease and shortcuts drawn in, under every remedy, seen by networks once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.frozen_features import frozen_features
from bench.real.drawing import Part, Wanted, draw_versions, joined_tables
from bench.real.looking import AsRgb, find_lungs
from cxr_tasks.audit.tables import outside_table
from cxr_tasks.lungs.regions import PaintedImages
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.remedies.alike import file_facts, makes_equal
from cxr_tasks.remedies.pictures import DONE, PictureRemedy, RemediedImages
from cxr_tasks.statistics.scores import FloatArray

NONE, NOTHING = "none", "nothing"
PLANTED = ("corner_marker", "letter", "border", "brightness", "size", "format", "recompressed")
# the disease is one that a ridge on some 60 to 120 images learns
WANTED = Wanted(strengths=("strong",), spoilt="strong", shortcuts=PLANTED)
REMEDIES: dict[str, PictureRemedy] = {name: name for name in DONE}
WAYS = (NONE, *REMEDIES, NOTHING)
"""As they came; with each remedy; with one that adds a grey level of noise and nothing else."""


@dataclass(frozen=True)
class SeenWay:
    """All versions of some images, treated in one way; those of the first image first."""

    index: pd.DataFrame  # what is known of the files
    outside: pd.DataFrame  # coarse intensity outside the lungs
    whole_features: FloatArray  # frozen features, shape (n, d)
    outside_features: FloatArray  # of the images without their lungs, shape (n, d)


def see_part(part: Part, *, weights: Path | None, seed: int) -> dict[str, SeenWay]:
    """Draw all versions of some images, treat them in every way, and look.

    Args:
        part: The images, and before them the number of the first, which decides what is drawn.
        weights: Of MobileNetV2; None for random ones.
        seed: Decides what is drawn.
    """
    grey, index = draw_versions(part, WANTED, seed=seed)
    images = AsRgb(grey)[:]
    lungs = find_lungs(images)
    return {way: _see(way, images, index, lungs, weights, seed=[seed, part[0]]) for way in WAYS}


def joined(parts: Sequence[dict[str, SeenWay]]) -> dict[str, SeenWay]:
    """Put what was seen of all parts below each other."""
    return {
        way: SeenWay(
            pd.concat([each[way].index for each in parts], ignore_index=True),
            joined_tables([each[way].outside for each in parts]),
            np.concatenate([each[way].whole_features for each in parts]),
            np.concatenate([each[way].outside_features for each in parts]),
        )
        for way in WAYS
    }


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
    if makes_equal(way, "metadata"):
        known = pd.DataFrame([file_facts()] * len(index))
        index = pd.concat([index.drop(columns=list(known)), known], axis=1)
    rows = range(len(images))
    return SeenWay(
        index,
        outside_table((treated[i] for i in rows), map(lungs.region, rows)),
        frozen_features(treated, weights),
        frozen_features(PaintedImages(treated, lungs.region), weights),
    )
