"""Radiographs under the maps of what a variant looks at."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from cxr_tasks.evaluation.grad_cam import enlarge
from cxr_tasks.reporting.pictures import Picture, data_uri
from cxr_tasks.wording import CLASS_NAMES, one_line, percent

_CAPTION_LENGTH = 34
_STRONGEST = 0.6  # of the colour over the image, so that the image stays visible


def attention_pictures(
    folder: Path, explanation: dict[str, Any], images: npt.NDArray[np.uint8], paths: list[str]
) -> tuple[Picture, ...]:
    """Draw the examples of an explanation: wrong ones first, then right ones.

    Args:
        folder: The variant's, with `explanation.npz`.
        explanation: Its facts.
        images: The data set's images.
        paths: Their names.
    """
    with np.load(folder / "explanation.npz", allow_pickle=False) as file:
        maps = file["maps"]
    return tuple(
        _picture(example, images[example["row"]], attention, paths[example["row"]])
        for example, attention in zip(explanation["examples"], maps, strict=True)
    )


def _picture(
    example: dict[str, Any], image: npt.NDArray[np.uint8], attention: Any, path: str
) -> Picture:
    truth = CLASS_NAMES[example["label"]]
    said = CLASS_NAMES[int(example["score"] >= 0.5)]
    name = one_line(path.rsplit("/", 1)[-1], _CAPTION_LENGTH)
    share = example["outside_fraction"]
    where = "no evidence" if share is None else f"{percent(share)} outside the centre"
    return Picture(
        uri=data_uri(overlay(image, attention)),
        alt=f"{name}: is {truth}, called {said}; attention {where}",
        title="right" if example["right"] else "wrong",
        detail=f"is {truth}, called {said}; {where}",
        name=name,
    )


def overlay(
    image: npt.NDArray[np.uint8], attention: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.uint8]:
    """Lay a map over an image, the strongest place in full colour.

    Args:
        image: Shape (224, 224, 3).
        attention: Shape (height, width), not negative.
    """
    large = enlarge(np.asarray(attention, dtype=np.float64), side_px=len(image))
    strength = large / large.max() if large.max() > 0 else large
    color = mpl.colormaps["inferno"](strength)[..., :3] * 255
    opacity = (_STRONGEST * strength)[..., None]
    return np.rint(image * (1 - opacity) + color * opacity).astype(np.uint8)
