"""What is counted and kept of a batch while its images pass by."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr_tasks.champion.scoring.row import NEGATIVE, POSITIVE, Refused, Scored

N_BINS = 20
N_SHOWN = 30
"""Images in each of the two galleries."""

N_REFUSED_SHOWN = 50


class Tally:
    """Counts of a batch, and the few images that its page shows.

    Args:
        cutoff: Of scores; images are near to it or far.
    """

    def __init__(self, cutoff: float) -> None:
        self.refused: list[Refused] = []
        self._cutoff = cutoff
        self._highest: list[Scored] = []
        self._nearest: list[Scored] = []
        self._reasons: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._bins = {decision: np.zeros(N_BINS, np.int64) for decision in (POSITIVE, NEGATIVE)}

    @property
    def n_scored(self) -> int:
        """Count the images that have a score."""
        return int(sum(bins.sum() for bins in self._bins.values()))

    @property
    def highest(self) -> list[Scored]:
        """Give the images with the highest probabilities, at most `N_SHOWN`."""
        return self._highest

    @property
    def nearest(self) -> list[Scored]:
        """Give the images nearest to the cut-off, without those that are in `highest`."""
        shown = {row.path for row in self._highest}
        return [row for row in self._nearest if row.path not in shown][:N_SHOWN]

    def add(self, rows: Sequence[Scored | Refused]) -> None:
        """Count a block of rows."""
        refused = [row for row in rows if isinstance(row, Refused)]
        scored = [row for row in rows if isinstance(row, Scored)]
        self._reasons.update(row.reason for row in refused)
        self._known.update(row.known for row in scored if row.known)
        for row in scored:
            self._bins[row.decision][min(int(row.probability * N_BINS), N_BINS - 1)] += 1
        self.refused = [*self.refused, *refused][:N_REFUSED_SHOWN]
        self._highest = sorted(
            [*self._highest, *scored], key=lambda row: (-row.probability, row.path)
        )[:N_SHOWN]
        # twice as many, since those that are among the highest are shown there
        self._nearest = sorted(
            [*self._nearest, *scored], key=lambda row: (abs(row.score - self._cutoff), row.path)
        )[: 2 * N_SHOWN]

    def facts(self) -> dict[str, Any]:
        """Give the counts, as `score.json` holds them."""
        n_positive, n_negative = (int(self._bins[key].sum()) for key in (POSITIVE, NEGATIVE))
        return {
            "n_images": self.n_scored + self._reasons.total(),
            "n_scored": self.n_scored,
            "n_positive": n_positive,
            "n_negative": n_negative,
            "n_refused": self._reasons.total(),
            "n_refused_by_reason": dict(self._reasons.most_common()),
            "n_known": self._known.total(),
            "n_known_by_kind": dict(self._known.most_common()),
            "n_by_probability": {decision: bins.tolist() for decision, bins in self._bins.items()},
        }
