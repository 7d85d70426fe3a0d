"""Radiographs for the page: each a small JPEG inside the page's own text."""

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.wording import CLASS_NAMES, one_line

UInt8Array = npt.NDArray[np.uint8]

SIZE_PX = 160
N_SAMPLES = 6
CAPTION_LENGTH = 34
_QUALITY = 82


@dataclass(frozen=True)
class Picture:
    """An image with what stands below it, and what is read out in its place."""

    uri: str
    alt: str
    title: str = ""
    detail: str = ""
    name: str = ""


def data_uri(pixels: UInt8Array, *, size_px: int = SIZE_PX) -> str:
    """Write an image as a small JPEG data URI.

    Args:
        pixels: Shape (height, width, 3).
        size_px: Width and height of the JPEG.
    """
    image = Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.LANCZOS)
    if not np.ptp(pixels, axis=2).any():  # grey: the same picture in fewer bytes
        image = image.convert("L")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def samples(artifacts: Artifacts, label: int) -> tuple[Picture, ...]:
    """Take training images evenly over the class: the same ones in every report of the run."""
    table = artifacts.split_table
    rows = table[(table["label"] == label) & (table["part"] == "train")]
    chosen = np.unique(np.linspace(0, len(rows) - 1, N_SAMPLES).round().astype(int))
    alt = f"sample of class {CLASS_NAMES[label]}"
    return tuple(picture_of(artifacts, row, alt=alt) for row in rows_with_places(rows.iloc[chosen]))


def rows_with_places(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield rows with their place in the image store, which predictions share with the index."""
    for place, row in zip(table.index, table.to_dict("records"), strict=True):
        yield {"place": place, **{str(key): value for key, value in row.items()}}


def picture_of(artifacts: Artifacts, row: Mapping[str, Any], *, alt: str, **words: str) -> Picture:
    """Draw the image of a row, which has its `place` in the image store and its `path`."""
    name = caption_of(str(row["path"]))
    uri = data_uri(np.asarray(artifacts.dataset.images[int(row["place"])]))
    return Picture(uri, f"{kind_of(artifacts)} {name}: {alt}", name=name, **words)


def kind_of(artifacts: Artifacts) -> str:
    """Return what the run's images are called where one is described."""
    return "Synthetic radiograph" if artifacts.dataset.record.synthetic else "Chest X-ray"


def caption_of(path: str) -> str:
    """Return an image's file name, short enough to stand below it."""
    return one_line(path.rsplit("/", 1)[-1], CAPTION_LENGTH)


def augmented_pairs(artifacts: Artifacts, variant: str) -> dict[str, tuple[Picture, ...]] | None:
    """Draw training images as they are and as one epoch has them; None without augmentation."""
    path = artifacts.run.train(variant) / "augmented.npy"
    if not path.exists():
        return None
    return {
        kind: tuple(
            Picture(data_uri(pixels), f"Training image {n}, {kind}")
            for n, pixels in enumerate(images, start=1)
        )
        for kind, images in zip(
            ("original", "augmented"), np.load(path, allow_pickle=False), strict=True
        )
    }
