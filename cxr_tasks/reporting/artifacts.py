"""What a report is made of: a run's finished artifacts, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxr_tasks.audit.audit_record import AuditRecord
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.evaluation.label_suspects import FACTS, read_label_suspects
from cxr_tasks.evaluation.label_suspects_record import LabelSuspectFacts
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import parse_facts
from cxr_tasks.volume.records import find_record, require_record


@dataclass(frozen=True)
class RankedLabels:
    """Which labels look wrong."""

    facts: LabelSuspectFacts
    table: pd.DataFrame  # a row for each image, in the data set's order


@dataclass(frozen=True)
class Artifacts:
    """Everything of a run that its report shows, read and checked against its records.

    `trainings`, `histories` and `predictions` have the variants that finished, in order; `audit`
    is None where the audit failed, `labels` where an older version evaluated the run.
    """

    run: RunPaths
    config: RunConfig
    dataset: Dataset
    rejected: pd.DataFrame
    ingest: IngestRecord
    split: SplitRecord
    split_table: pd.DataFrame
    audit: AuditRecord | None
    comparison: ComparisonRecord
    trainings: Mapping[str, TrainingRecord]
    histories: Mapping[str, pd.DataFrame]
    predictions: Mapping[str, pd.DataFrame]
    labels: RankedLabels | None


def read_artifacts(run: RunPaths, config: RunConfig) -> Artifacts:
    """Read what a run's stages have left.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    ingest = require_record(run.ingest, IngestRecord)
    comparison = require_record(run.evaluate, ComparisonRecord)
    trained = [name for name in VARIANTS if comparison.variants[name].status == "ok"]
    return Artifacts(
        run=run,
        config=config,
        dataset=open_dataset(run.home, ingest.dataset),
        rejected=_read_table(run.home.datasets / ingest.dataset / "rejected.csv", dtype=str),
        ingest=ingest,
        split=require_record(run.split, SplitRecord),
        split_table=read_split(run.split),
        audit=require_record(run.audit, AuditRecord)
        if find_record(run.audit, AuditRecord)
        else None,
        comparison=comparison,
        trainings={name: require_record(run.train(name), TrainingRecord) for name in trained},
        histories={name: pd.read_csv(run.train(name) / "history.csv") for name in trained},
        predictions={
            name: _read_table(
                run.evaluate / name / "predictions.csv", dtype={"path": str, "part": str}
            )
            for name in trained
        },
        labels=_read_labels(run.evaluate) if FACTS in comparison.outputs else None,
    )


def _read_labels(folder: Path) -> RankedLabels:
    content = read_json(folder / FACTS)
    facts = parse_facts(content, LabelSuspectFacts, path=folder / FACTS)
    return RankedLabels(facts, read_label_suspects(folder))


def _read_table(path: Path, *, dtype: type[str] | dict[str, type[str]]) -> pd.DataFrame:
    """Read a table whose texts stay texts: a file may be called `NA`."""
    return pd.read_csv(path, dtype=dtype, keep_default_na=False)
