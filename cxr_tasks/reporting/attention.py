"""Grad-CAM maps for the page: each a few hundred bytes, laid over the image in the browser."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image

from cxr_tasks.evaluation.explanation_record import ExplainedImage, ExplanationFacts
from cxr_tasks.evaluation.grad_cam import enlarge
from cxr_tasks.statistics.scores import THRESHOLD
from cxr_tasks.wording import CLASS_NAMES, percent

MAX_WRONG = 8
"""Examples of a variant that the section on attention shows; the gallery of errors has more."""
MAX_RIGHT = 8
MAP_SIDE_PX = 14
N_LEVELS = 16
_MAX_OPACITY = 0.6  # of the colour over the image, so that the image stays visible


@dataclass(frozen=True)
class AttentionMap:
    """What one variant looks at in one image."""

    example: ExplainedImage
    uri: str  # a PNG that is laid over the image; empty where there is no evidence

    @property
    def where(self) -> str:
        """How much of the attention lies outside the lungs."""
        share = self.example.outside_fraction
        return "no evidence" if share is None else f"{percent(share)} outside the lungs"

    @property
    def call(self) -> str:
        """The class that the saved model calls the image."""
        return CLASS_NAMES[int(self.example.score >= THRESHOLD)]


def read_maps(folder: Path, explanation: ExplanationFacts) -> dict[int, AttentionMap]:
    """Read a variant's maps, by the rows of their images.

    Args:
        folder: The variant's, with `explanation.npz`.
        explanation: Its facts.
    """
    with np.load(folder / "explanation.npz", allow_pickle=False) as file:
        maps = file["maps"]
    return {
        example.row: AttentionMap(example, map_uri(attention))
        for example, attention in zip(explanation.examples, maps, strict=True)
    }


def examples_of(maps: Mapping[int, AttentionMap]) -> list[AttentionMap]:
    """Choose what the section on attention shows: the surest mistakes, then right ones."""
    wrong = [each for each in maps.values() if not each.example.right]
    right = [each for each in maps.values() if each.example.right]
    return [*wrong[:MAX_WRONG], *right[-MAX_RIGHT:]]


def map_uri(attention: npt.NDArray[np.floating[Any]]) -> str:
    """Write a map as a small PNG, coloured and transparent where it is weak; empty for none.

    Args:
        attention: Shape (height, width), not negative.
    """
    large = enlarge(np.asarray(attention, dtype=np.float64), side_px=MAP_SIDE_PX)
    if large.max() <= 0:
        return ""
    levels = np.rint(large / large.max() * (N_LEVELS - 1)).astype(np.uint8)
    image = Image.fromarray(levels, "P")
    colors = _colors()
    image.putpalette(colors[:, :3].tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG", bits=4, transparency=colors[:, 3].tobytes(), optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def scale_css() -> str:
    """Return the colours from 0 to the map's maximum, as they lie over an image, for CSS."""
    stops = (f"rgb({r} {g} {b} / {a / 255:.2f})" for r, g, b, a in _colors().tolist())
    return f"linear-gradient(90deg, {', '.join(stops)})"


def _colors() -> npt.NDArray[np.uint8]:
    """Return a colour with its opacity for each level, shape (levels, 4)."""
    strength = np.linspace(0, 1, N_LEVELS)
    colors = np.asarray(mpl.colormaps["inferno"](strength))
    colors[:, 3] = _MAX_OPACITY * strength
    levels: npt.NDArray[np.uint8] = np.rint(colors * 255).astype(np.uint8)
    return levels
