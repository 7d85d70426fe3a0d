"""Real normals in every version that sets may need: each a file, decoded as the pipeline does."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.real.disease import Strength, draw_disease, enlarged
from bench.real.looking import find_lungs
from bench.real.normals import Normal
from bench.real.shortcuts import SHORTCUTS, png
from cxr_tasks.data.images import decode_image

PLAIN = "plain"

Part = tuple[int, Sequence[Normal]]
"""Some images, and before them the number of the first of them among all."""

_PART_SIZE = 10
_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Wanted:
    """The versions of each image: as it is, with disease, with disease and a shortcut."""

    strengths: tuple[Strength, ...]
    spoilt: Strength  # the disease that each shortcut is added to
    shortcuts: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of each version, in their order."""
        return (PLAIN, *self.strengths, *self.shortcuts)

    def rows(self, images: Sequence[int], versions: Sequence[str]) -> NDArray[np.int64]:
        """Return where some images, each in a version, lie among all versions of all images."""
        pairs = zip(images, versions, strict=True)
        names = self.names
        return np.array([i * len(names) + names.index(name) for i, name in pairs], np.int64)


def draw_versions(
    part: Part, wanted: Wanted, *, seed: int
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Draw, save and decode all versions of some images.

    Returns:
        Grey values, shape (n versions, side, side), those of the first image first; and a row for
        each, as in a data set's index.
    """
    first, normals = part
    masks = find_lungs(np.stack([decode_image(png(each.grey)).pixels for each in normals]))
    decoded, rows = [], []
    for place, normal in enumerate(normals):
        for file in _files(normal, masks.mask(place), wanted, seed=[seed, first + place]):
            image = decode_image(file)
            decoded.append(image.pixels[..., 0])
            facts = {name: value for name, value in vars(image).items() if name != "pixels"}
            rows.append({**facts, "patient": normal.patient, "bytes": len(file)})
    return np.stack(decoded), pd.DataFrame(rows)


def _files(
    normal: Normal, mask: NDArray[np.bool_], wanted: Wanted, *, seed: Sequence[int]
) -> list[bytes]:
    lungs = enlarged(mask, normal.grey.shape)
    diseased = {
        name: draw_disease(normal.grey, lungs, np.random.default_rng([*seed, 0]), strength=name)
        for name in {*wanted.strengths, wanted.spoilt}
    }
    numbers = {name: number for number, name in enumerate(SHORTCUTS, start=1)}
    planted = [
        SHORTCUTS[name].plant(
            diseased[wanted.spoilt], np.random.default_rng([*seed, numbers[name]])
        )
        for name in wanted.shortcuts
    ]
    return [png(normal.grey), *(png(diseased[name]) for name in wanted.strengths), *planted]


def see_in_parts(
    pool: ProcessPoolExecutor, see: Callable[[Part], _Seen], normals: Sequence[Normal]
) -> list[_Seen]:
    """Look at all images, a few at a time, and say how far it is."""
    starts = range(0, len(normals), _PART_SIZE)
    parts = [(start, normals[start : start + _PART_SIZE]) for start in starts]
    found = []
    for each in pool.map(see, parts):
        found.append(each)
        print(f"drawn and seen: {len(found)} of {len(parts)} parts", flush=True)
    return found


def joined_tables(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of parts below each other.

    A part leaves out what is the same in all of it, such as no flat lines at a side.
    """
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).fillna(0.0)
    return table


def start_worker() -> None:
    """Start Keras in a process that draws and looks."""
    from cxr_tasks.training.keras_runtime import start_keras

    logging.disable(logging.INFO)
    start_keras(threads=1, seed=0, card="")
