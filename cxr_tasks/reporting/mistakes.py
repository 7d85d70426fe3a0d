"""Which images of the basis at least one variant has wrong."""

import pandas as pd

from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.statistics.figures_record import Basis, ByClass
from cxr_tasks.wording import COVID, NORMAL


def mistakes(artifacts: Artifacts, basis: Basis) -> pd.DataFrame:
    """Return which images of the basis a variant has wrong, the surest mistakes first.

    Returns:
        A row for each image, by its place in the store: `label`, `path`, for each variant its
        `score`, and `error`, how far the surest of those that are wrong is off.
    """
    of_basis = {
        name: table[table["part"] == basis] for name, table in artifacts.predictions.items()
    }
    first = next(iter(of_basis.values()))
    scores = pd.DataFrame({name: table["score"] for name, table in of_basis.items()})
    wrong = pd.DataFrame(
        {name: table["prediction"] != table["label"] for name, table in of_basis.items()}
    )
    error = scores.sub(first["label"], axis=0).abs().where(wrong, 0.0).max(axis=1)
    found = first[["label", "path"]].join(scores).assign(error=error)[wrong.any(axis=1)]
    return found.sort_values("error", ascending=False, kind="stable")


def count_wrong(found: pd.DataFrame) -> ByClass[int]:
    """Count the images that at least one variant has wrong."""
    return ByClass[int](
        covid=int((found["label"] == COVID).sum()), normal=int((found["label"] == NORMAL).sum())
    )
