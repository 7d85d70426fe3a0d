"""Radiographs for the page: each a small JPEG inside the page's own text."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from cxr_tasks.evaluation.explanation_record import ExplainedImage, ExplanationFacts
from cxr_tasks.evaluation.grad_cam import enlarge
from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.wording import CLASS_NAMES, one_line, percent

UInt8Array = npt.NDArray[np.uint8]

SIZE_PX = 160
MAX_WRONG = 12
N_SAMPLES = 6
CAPTION_LENGTH = 34
_QUALITY = 82
_MAX_OPACITY = 0.6  # of the colour over the image, so that the image stays visible


@dataclass(frozen=True)
class Picture:
    """An image with what stands below it, and what is read out in its place."""

    uri: str
    alt: str
    title: str = ""
    detail: str = ""
    name: str = ""


@dataclass(frozen=True)
class WrongImages:
    """The images of the basis that a variant has wrong, the surest mistakes first."""

    n_wrong: int
    n_images: int
    pictures: tuple[Picture, ...]


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


def wrong_images(artifacts: Artifacts, variant: str, basis: str) -> WrongImages:
    """Draw what a variant has wrong, at most `MAX_WRONG` images, the surest mistakes first."""
    table = artifacts.predictions[variant]
    of_basis = table[table["part"] == basis]
    wrong = of_basis[of_basis["prediction"] != of_basis["label"]]
    surest = (wrong["score"] - wrong["label"]).abs().sort_values(ascending=False, kind="stable")
    pictures = (
        picture_of(
            artifacts,
            row,
            alt=f"is {CLASS_NAMES[row['label']]}, probability of COVID-19 {percent(row['score'])}",
            title=f"{percent(row['score'])} COVID-19",
            detail=f"is {CLASS_NAMES[row['label']]}",
        )
        for row in rows_with_places(wrong.loc[surest.index].head(MAX_WRONG))
    )
    return WrongImages(len(wrong), len(of_basis), tuple(pictures))


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
    kind = "Synthetic radiograph" if artifacts.dataset.record.synthetic else "Chest X-ray"
    name = one_line(str(row["path"]).rsplit("/", 1)[-1], CAPTION_LENGTH)
    uri = data_uri(np.asarray(artifacts.dataset.images[int(row["place"])]))
    return Picture(uri, f"{kind} {name}: {alt}", name=name, **words)


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


def attention_pictures(
    folder: Path, explanation: ExplanationFacts, images: UInt8Array, paths: Sequence[str]
) -> tuple[Picture, ...]:
    """Draw the examples of an explanation under their maps: wrong ones first, then right ones.

    Args:
        folder: The variant's, with `explanation.npz`.
        explanation: Its facts.
        images: The data set's images.
        paths: Their names.
    """
    with np.load(folder / "explanation.npz", allow_pickle=False) as file:
        maps = file["maps"]
    return tuple(
        _under_map(example, images[example.row], attention, paths[example.row])
        for example, attention in zip(explanation.examples, maps, strict=True)
    )


def _under_map(example: ExplainedImage, image: UInt8Array, attention: Any, path: str) -> Picture:
    truth = CLASS_NAMES[example.label]
    call = CLASS_NAMES[int(example.score >= 0.5)]
    name = one_line(path.rsplit("/", 1)[-1], CAPTION_LENGTH)
    share = example.outside_fraction
    where = "no evidence" if share is None else f"{percent(share)} outside the lungs"
    return Picture(
        uri=data_uri(overlay(image, attention)),
        alt=f"{name}: is {truth}, called {call}; attention {where}",
        title="right" if example.right else "wrong",
        detail=f"is {truth}, called {call}; {where}",
        name=name,
    )


def overlay(image: UInt8Array, attention: npt.NDArray[np.floating[Any]]) -> UInt8Array:
    """Lay a map over an image, the strongest place in full colour.

    Args:
        image: Shape (224, 224, 3).
        attention: Shape (height, width), not negative.
    """
    large = enlarge(np.asarray(attention, dtype=np.float64), side_px=len(image))
    strength = large / large.max() if large.max() > 0 else large
    color = mpl.colormaps["inferno"](strength)[..., :3] * 255
    opacity = (_MAX_OPACITY * strength)[..., None]
    return np.rint(image * (1 - opacity) + color * opacity).astype(np.uint8)
