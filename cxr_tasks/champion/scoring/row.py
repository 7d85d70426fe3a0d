"""One line of `scores.csv`: what became of one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.volume.files import as_unicode

COLUMNS = (
    "path",
    "status",
    "reason",
    "score",
    "probability",
    "cutoff",
    "decision",
    "known",
    "copy_of",
    "champion",
    "sha256",
)
SCORED, REFUSED = "scored", "refused"
POSITIVE, NEGATIVE = "positive", "negative"
_SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class Scored:
    """An image that has a score.

    Attributes:
        path: Absolute; in an archive `archive.zip/member`.
        score: As the model gives it, in [0, 1]; the cut-off is compared with this.
        probability: The score by the champion's temperature.
        decision: `POSITIVE` or `NEGATIVE`.
        known: What the image was to the champion, if it is in the champion's data; or empty.
        copy_of: Which image of the champion's data it is, or is a copy of; or empty.
        sha256: Of the file.
        pixels: uint8, shape (224, 224, 3).
    """

    path: str
    score: float
    probability: float
    decision: str
    known: str
    copy_of: str
    sha256: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Refused:
    """A file that has none, and why."""

    path: str
    reason: str


def as_csv(row: Scored | Refused, *, champion: str, cutoff: float) -> dict[str, Any]:
    """Give the cells of a row; score and cut-off are exact, so that they can be compared."""
    cells = {"path": as_unicode(row.path), "cutoff": cutoff, "champion": champion}
    if isinstance(row, Refused):
        return cells | {"status": REFUSED, "reason": row.reason}
    return cells | {
        "status": SCORED,
        "score": row.score,
        "probability": float(f"{row.probability:.{_SIGNIFICANT_DIGITS}g}"),
        "decision": row.decision,
        "known": row.known,
        "copy_of": row.copy_of,
        "sha256": row.sha256,
    }
