"""Where the lungs are not: images whose lungs, with a wide margin around both, are painted over.

What is left must say nothing about disease, so the region that goes is larger than the lungs: the
convex hull of both, widened, so that neither a lesion at the edge nor a dense lung base that the
mask leaves out remains. It is painted over with what surrounds it, smoothly: the outline of a
black hole would tell the lungs' shape. And what is left is equalised: a radiograph is displayed by
its own grey values, so that dense lungs change the brightness of all that lies around them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull, QhullError

from cxr_tasks.statistics.scores import BoolArray

UInt8Array = NDArray[np.uint8]
FloatImage = NDArray[np.float32]

MARGIN_FRACTION = 0.05
"""Of the image's side, by which the hull of both lungs is widened on every side."""

WITHOUT_LUNGS = (0.06, 0.04, 0.94, 0.96)
"""Left, top, right and bottom, as fractions, of what stands for lungs that were not found."""


def lung_region(mask: BoolArray) -> BoolArray:
    """Return the convex hull of both lungs, widened by `MARGIN_FRACTION` of the side.

    Args:
        mask: The lungs, shape (h, w); empty where none were found.

    Returns:
        Shape (h, w). Of an empty mask the rectangle `WITHOUT_LUNGS`, in which lungs mostly lie.
    """
    height, width = mask.shape
    rows, columns = np.nonzero(mask & ~_inner(mask))
    points = np.column_stack([columns, rows])
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):  # no point, or all in one line
        left, top, right, bottom = WITHOUT_LUNGS
        region = mask.copy()
        region[
            round(top * height) : round(bottom * height), round(left * width) : round(right * width)
        ] = True
        return region
    margin = MARGIN_FRACTION * max(mask.shape)
    canvas = Image.new("1", (width, height))
    pen = ImageDraw.Draw(canvas)
    outline = [(float(x), float(y)) for x, y in corners]
    pen.polygon(outline, fill=1)
    pen.line([*outline, outline[0]], fill=1, width=round(2 * margin))
    for x, y in outline:  # round corners, which a wide line leaves open
        pen.ellipse((x - margin, y - margin, x + margin, y + margin), fill=1)
    return np.asarray(canvas)


def _inner(mask: BoolArray) -> BoolArray:
    """Return the pixels of a mask whose neighbours to all four sides are in it too."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return inner


def equalised(image: UInt8Array, region: BoolArray) -> UInt8Array:
    """Map grey values so that those outside a region are evenly spread, as ranks.

    No monotone change of an image's grey values, as window, gamma or film curve, is left in it.

    Args:
        image: Grey values, shape (h, w).
        region: What does not count, same shape.
    """
    counts = np.bincount(image[~region], minlength=256)
    below = np.cumsum(counts) - counts / 2
    values: UInt8Array = np.rint(255 * below / max(1, counts.sum())).astype(np.uint8)
    return values[image]


def painted_over(image: UInt8Array, region: BoolArray) -> UInt8Array:
    """Replace a region by a smooth continuation of what surrounds it.

    By averages of what is known over ever larger squares (the pull-push algorithm; Gortler et al.
    1996, "The lumigraph"). Where all of the image is in the region it becomes mid-grey.

    Args:
        image: Grey values, shape (side, side), the side divisible by 32.
        region: What is replaced, same shape.
    """
    known = (~region).astype(np.float32)
    levels: list[tuple[FloatImage, FloatImage]] = [(image * known, known)]
    while len(levels[-1][0]) % 2 == 0:
        values, weights = levels[-1]
        levels.append((_halved(values), _halved(weights)))
    values, weights = levels.pop()
    total = weights.sum()
    rest = values.sum() / total if total > 0 else np.float32(128)
    filled = np.where(weights > 0, values / np.maximum(weights, 1e-6), rest)
    for values, weights in reversed(levels):
        below = _doubled(filled)
        share = np.minimum(1, weights)
        filled = share * values / np.maximum(weights, 1e-6) + (1 - share) * below
    painted: UInt8Array = np.rint(filled).clip(0, 255).astype(np.uint8)
    painted[~region] = image[~region]
    return painted


def _halved(field: FloatImage) -> FloatImage:
    side = len(field) // 2
    halved: FloatImage = field.reshape(side, 2, side, 2).sum(axis=(1, 3))
    return halved


def _doubled(field: FloatImage) -> FloatImage:
    side = 2 * len(field)
    image = Image.fromarray(field.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def to_grey(image: UInt8Array) -> UInt8Array:
    """Return the mean of an image's three channels, shape (h, w)."""
    grey: UInt8Array = np.rint(image.mean(axis=2)).astype(np.uint8)
    return grey


@dataclass(frozen=True)
class PaintedImages:
    """Images of which a region each is painted over as they are read, batch by batch.

    Where it is asked, grey values of the rest are equalised first.
    """

    images: Any  # uint8, shape (n, side, side, 3); grey, with three equal channels, or colour
    region_of: Callable[[int], BoolArray]  # what is painted over, by the image's row
    equalise: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> UInt8Array:
        places = range(*rows.indices(len(self)))
        return np.stack([self.read(row) for row in places])

    def read(self, row: int) -> UInt8Array:
        """Return one image, all of its channels painted over; in grey where it is equalised."""
        image, region = np.asarray(self.images[row]), self.region_of(row)
        if self.equalise:
            grey = equalised(to_grey(image), region)
            return np.repeat(painted_over(grey, region)[..., None], 3, axis=-1)
        first, *others = (image[..., channel] for channel in range(3))
        if all(np.array_equal(first, other) for other in others):  # grey, as radiographs are
            return np.repeat(painted_over(first, region)[..., None], 3, axis=-1)
        return np.stack([painted_over(each, region) for each in (first, *others)], axis=-1)
