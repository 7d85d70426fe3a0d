"""The rows of `scores.csv`, and their summary: counts, and the few images that the page shows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.volume.files import as_unicode
from cxr_tasks.volume.record_model import Content

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
POSITIVE, NEGATIVE = "positive", "negative"
N_BINS = 20
N_SHOWN = 30
"""Images in each of the two galleries."""

N_REFUSED_SHOWN = 50
_SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class ScoredImage:
    """An image that has a score."""

    path: str  # absolute; in an archive `archive.zip/member`
    score: float  # as the model gives it, in [0, 1]; the cut-off is compared with this
    probability: float  # the score by the champion's temperature
    decision: str  # `POSITIVE` or `NEGATIVE`
    known: str  # what the image was to the champion, if it is in the champion's data; or empty
    copy_of: str  # which image of the champion's data it is, or is a copy of; or empty
    sha256: str  # of the file
    pixels: NDArray[np.uint8]  # uint8, shape (224, 224, 3)


@dataclass(frozen=True)
class RefusedFile:
    """A file that has no score, and why."""

    path: str
    reason: str


Row = ScoredImage | RefusedFile


def as_csv(row: Row, *, champion: str, cutoff: float) -> dict[str, Any]:
    """Return the cells of a row; score and cut-off are exact, so that they can be compared."""
    cells = {"path": as_unicode(row.path), "cutoff": cutoff, "champion": champion}
    if isinstance(row, RefusedFile):
        return cells | {"status": "refused", "reason": row.reason}
    return cells | {
        "status": "scored",
        "score": row.score,
        "probability": float(f"{row.probability:.{_SIGNIFICANT_DIGITS}g}"),
        "decision": row.decision,
        "known": row.known,
        "copy_of": row.copy_of,
        "sha256": row.sha256,
    }


class BatchSummary:
    """Counts of a batch as its rows come, and the few images and files that its page shows.

    Args:
        cutoff: Of scores; images are near to it or far.
    """

    def __init__(self, cutoff: float) -> None:
        self.refused: list[RefusedFile] = []
        self.highest: list[ScoredImage] = []
        self._cutoff = cutoff
        self._nearest: list[ScoredImage] = []
        self._reasons: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._bins = {decision: [0] * N_BINS for decision in (POSITIVE, NEGATIVE)}

    @property
    def nearest(self) -> list[ScoredImage]:
        """The images nearest to the cut-off, without those that are in `highest`."""
        shown = {row.path for row in self.highest}
        return [row for row in self._nearest if row.path not in shown][:N_SHOWN]

    def add(self, rows: Sequence[Row]) -> None:
        """Count a block of rows."""
        refused = [row for row in rows if isinstance(row, RefusedFile)]
        scored = [row for row in rows if isinstance(row, ScoredImage)]
        self._reasons.update(row.reason for row in refused)
        self._known.update(row.known for row in scored if row.known)
        for row in scored:
            self._bins[row.decision][min(int(row.probability * N_BINS), N_BINS - 1)] += 1
        self.refused = [*self.refused, *refused][:N_REFUSED_SHOWN]
        self.highest = sorted(
            [*self.highest, *scored], key=lambda row: (-row.probability, row.path)
        )[:N_SHOWN]
        # twice as many, since those that are among the highest are shown there
        self._nearest = sorted(
            [*self._nearest, *scored], key=lambda row: (abs(row.score - self._cutoff), row.path)
        )[: 2 * N_SHOWN]

    def facts(self) -> Content:
        """Return the counts, as `score.json` holds them."""
        n_positive, n_negative = sum(self._bins[POSITIVE]), sum(self._bins[NEGATIVE])
        n_scored, n_refused = n_positive + n_negative, self._reasons.total()
        return {
            "n_images": n_scored + n_refused,
            "n_scored": n_scored,
            "n_positive": n_positive,
            "n_negative": n_negative,
            "n_refused": n_refused,
            "n_refused_by_reason": dict(self._reasons.most_common()),
            "n_known": self._known.total(),
            "n_known_by_kind": dict(self._known.most_common()),
            "n_by_probability": self._bins,
        }
