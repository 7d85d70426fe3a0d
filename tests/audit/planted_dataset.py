"""A data set with something planted, really ingested, in this process."""

from pathlib import Path

import pandas as pd

from bench import audit_rates
from bench.planted import Planted
from cxr_tasks.data.dataset import Dataset
from tests.one_core import on_one_core


def ingest_planted(
    planted: Planted,
    folder: Path,
    *,
    seed: int,
    kind: str = "grouped",
    patients: Path | None = None,
) -> tuple[Dataset, pd.DataFrame]:
    with on_one_core():
        return audit_rates.ingest_planted(
            planted, folder, seed=seed, kind=kind, patients=str(patients or "")
        )
