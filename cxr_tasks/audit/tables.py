"""What controls see without a network: the file, the acquisition, intensity far from the lungs."""

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import white_tophat
from scipy.stats import rankdata

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.lungs.regions import equalised, painted_over, to_grey
from cxr_tasks.statistics.scores import BoolArray, FloatArray

UInt8Array = NDArray[np.uint8]

THUMBNAIL_SIDE_PX = 8
BORDER_FRACTION = 0.1
CORNER_FRACTION = 0.15
MARK_FRACTION = 0.022
"""Of the image's side: a mark is sharp where its strokes are no wider than about that."""

NUMBERS = ("age", "follow_up")
"""The fields of the acquisition that are ordered; the others are names."""

_MEASURED = {
    "width": "width",
    "height": "height",
    "aspect ratio": "aspect",
    "JPEG quantisation": "jpeg_quantization",
}
_NAMED = {
    "colour mode": "mode",
    "file format": "format",
    "JPEG tables": "jpeg_tables",
    "bit depth": "depth",
}
_RAREST = 3  # a value that fewer images have says nothing that can be learned
_BLACK = 10  # of 255, up to which a pixel is taken for background or a border
_FLAT = 4.0  # the greatest spread of a line of pixels that shows nothing


def metadata_table(index: pd.DataFrame) -> pd.DataFrame:
    """Return what a file says without its picture: sizes as ranks in [-1, 1], kinds as 0 or 1."""
    known = index.assign(aspect=index["width"] / index["height"])
    columns = {title: _ranks(known[name]) for title, name in _MEASURED.items()}
    for title, name in _NAMED.items():
        columns |= _kinds(known[name], title)
    return _varying(pd.DataFrame(columns))


def file_size_table(index: pd.DataFrame) -> pd.DataFrame:
    """Return the size of each file, as ranks in [-1, 1]: of equal formats, the picture decides it.

    So it is no control: a lesion makes a file larger or smaller too.
    """
    return _varying(pd.DataFrame({"file size": _ranks(index["bytes"])}))


def acquisition_tables(index: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return, for each field of the acquisition that differs, what it says of every image.

    That a field is not given for an image is a value of it.
    """
    tables = {
        name: _varying(_of_field(index[name], title, name=name))
        for name, title in ACQUISITION_FIELDS.items()
        if name in index and (index[name] != "").any()
    }
    return {name: table for name, table in tables.items() if len(table.columns)}


def _of_field(values: pd.Series, title: str, *, name: str) -> pd.DataFrame:
    if name not in NUMBERS:
        return pd.DataFrame(_kinds(values, title))
    numbers = pd.to_numeric(values, errors="coerce")
    ranks = np.zeros(len(values))
    known = numbers.notna().to_numpy()
    ranks[known] = _ranks(numbers[known])
    not_given = {f"{title} not given": (~known).astype(np.float64)}
    return pd.DataFrame({title: ranks} | (not_given if (~known).sum() >= _RAREST else {}))


def _ranks(values: pd.Series) -> FloatArray:
    ranks: FloatArray = 2 * (rankdata(values) - 1) / max(1, len(values) - 1) - 1
    return ranks


def _kinds(values: pd.Series, title: str) -> dict[str, FloatArray]:
    counts = values.value_counts().sort_index()
    return {
        f"{title} {value or 'none'}": (values == value).to_numpy(np.float64)
        for value in counts.index[counts >= _RAREST]
    }


def intensity_table(images: Iterable[UInt8Array]) -> pd.DataFrame:
    """Return what is left of the pictures from far away: mean, spread, border strips, thumbnail."""
    return _varying(pd.DataFrame([_intensity(image.mean(axis=2)) for image in images]))


def outside_table(images: Iterable[UInt8Array], regions: Iterable[BoolArray]) -> pd.DataFrame:
    """Return the same of what lies outside the lungs, equalised, and what frames the image.

    That is its corners, its sharpest marks, as letters and electrodes are, its black background and
    borders, and its darkest pixel. How bright it is otherwise is left out: display processing makes
    that follow the lungs.

    Args:
        images: uint8, shape (h, w, 3) each.
        regions: What of each is taken out, shape (h, w) each.
    """
    rows = [_outside(to_grey(image), region) for image, region in zip(images, regions, strict=True)]
    return _varying(pd.DataFrame(rows))


def _outside(grey: UInt8Array, region: BoolArray) -> dict[str, float]:
    rest = grey[~region] if not region.all() else grey
    painted = painted_over(equalised(grey, region), region).astype(np.float64)
    corner = round(CORNER_FRACTION * len(grey))
    upper, lower = slice(None, corner), slice(-corner, None)
    corners = {
        "corner at the top left": painted[upper, upper],
        "corner at the top right": painted[upper, lower],
        "corner at the bottom left": painted[lower, upper],
        "corner at the bottom right": painted[lower, lower],
    }
    return {
        **_intensity(painted),
        **{name: float(part.mean()) for name, part in corners.items()},
        **{f"brightest in the {name}": float(part.max()) for name, part in corners.items()},
        **_sharpest_marks(painted),
        "black outside the lungs": float((rest <= _BLACK).mean()),
        "darkest outside the lungs": float(rest.min()),
        **{
            f"flat lines at the {side}": n
            for side, n in _flat_lines(grey.astype(np.float64)).items()
        },
    }


def _sharpest_marks(grey: FloatArray) -> dict[str, float]:
    """Return how far the sharpest bright mark in each ninth but the central one stands out.

    By the white top-hat: a pixel less the brightest square that fits in under it.
    """
    marks = white_tophat(grey, size=max(3, round(MARK_FRACTION * len(grey))))
    places = itertools.product(
        zip(("upper", "middle", "lower"), np.array_split(marks, 3), strict=True),
        enumerate(("left", "centre", "right")),
    )
    return {
        f"sharpest mark at the {down} {across}": float(np.array_split(row, 3, axis=1)[at].max())
        for (down, row), (at, across) in places
        if (down, across) != ("middle", "centre")
    }


def _flat_lines(grey: FloatArray) -> Mapping[str, float]:
    """Count the lines from each side in, up to a fifth of the image, that show nothing."""
    reach = len(grey) // 5
    sides = {"top": grey, "bottom": grey[::-1], "left": grey.T, "right": grey.T[::-1]}
    return {
        name: float(np.argmin(np.append(lines[:reach].std(axis=1) < _FLAT, False)))
        for name, lines in sides.items()
    }


def _intensity(grey: FloatArray) -> dict[str, float]:
    edge = round(BORDER_FRACTION * len(grey))
    strips = {
        "top": grey[:edge],
        "bottom": grey[-edge:],
        "left": grey[:, :edge],
        "right": grey[:, -edge:],
    }
    side = (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    thumbnail = np.asarray(
        Image.fromarray(grey.astype(np.float32)).resize(side, Image.Resampling.BOX)
    )
    return {
        "mean": float(grey.mean()),
        "spread": float(grey.std()),
        **{f"border at the {name}": float(strip.mean()) for name, strip in strips.items()},
        **{
            f"thumbnail, row {row + 1} column {column + 1}": float(value)
            for (row, column), value in np.ndenumerate(thumbnail)
        },
    }


def _varying(table: pd.DataFrame) -> pd.DataFrame:
    values = table.to_numpy()
    varying: pd.DataFrame = table.loc[:, (values != values[0]).any(axis=0)]
    return varying
