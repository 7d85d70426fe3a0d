"""What a report is made of: a run's finished artifacts, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.settings import RunConfig
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Record, find_record, require_record


@dataclass(frozen=True)
class Material:
    """Everything of a run that its report shows, read and checked against its records.

    `trainings`, `histories` and `predictions` have the variants that finished, in order; `audit`
    is None where the audit failed.
    """

    run: RunPaths
    config: RunConfig
    dataset: Dataset
    rejected: pd.DataFrame
    ingest: Record
    split: Record
    split_table: pd.DataFrame
    audit: Record | None
    comparison: Record
    trainings: Mapping[str, Record]
    histories: Mapping[str, pd.DataFrame]
    predictions: Mapping[str, pd.DataFrame]


def collect(run: RunPaths, config: RunConfig) -> Material:
    """Read a run's artifacts.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    ingest = require_record(run.ingest, "ingest")
    dataset = open_dataset(run.home, ingest["dataset"])
    comparison = require_record(run.evaluate, "evaluate")
    trained = [
        name for name in VARIANTS if comparison["variants"].get(name, {}).get("status") == "ok"
    ]
    return Material(
        run=run,
        config=config,
        dataset=dataset,
        rejected=_read_text_table(run.home.datasets / ingest["dataset"] / "rejected.csv"),
        ingest=ingest,
        split=require_record(run.split, "split"),
        split_table=read_split(run.split),
        audit=require_record(run.audit, "audit") if find_record(run.audit, "audit") else None,
        comparison=comparison,
        trainings={name: require_record(run.train(name), "train") for name in trained},
        histories={name: pd.read_csv(run.train(name) / "history.csv") for name in trained},
        predictions={name: _read_predictions(run, name) for name in trained},
    )


def _read_text_table(path: Any) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _read_predictions(run: RunPaths, variant: str) -> pd.DataFrame:
    return pd.read_csv(
        run.evaluate / variant / "predictions.csv",
        dtype={"path": str, "part": str},
        keep_default_na=False,
    )
