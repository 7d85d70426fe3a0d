"""The command `schema`: the JSON schema of each record on the shared volume, for whoever reads it.

The schemas come from the models that the project itself reads and writes the records with.
"""

import argparse
import json
from collections.abc import Mapping
from importlib import import_module

from cxr_tasks.cli import Command, Options
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.record_model import Facts

_RECORDS = {
    "config": "runs.start:ConfigRecord",
    "starts": "runs.starts:StartsRecord",
    "failure": "runs.failure:FailureRecord",
    "progress": "volume.progress_record:ProgressRecord",
    "note": "runs.notes:NoteRecord",
    "ingest": "runs.ingest_record:IngestRecord",
    "dataset": "data.dataset:DatasetRecord",
    "kaggle": "data.sources.kaggle:KaggleRecord",
    "split": "data.split_record:SplitRecord",
    "weights": "training.weights:WeightsDownloadRecord",
    "activations": "training.activations:ActivationsRecord",
    "lungs": "lungs.store:LungsRecord",
    "fold": "training.training_record:FoldRecord",
    "train": "training.training_record:TrainingRecord",
    "audit": "audit.audit_record:AuditRecord",
    "drift": "audit.drift_record:DriftCompared",
    "comparison": "evaluation.comparison_record:ComparisonRecord",
    "metrics": "evaluation.comparison_record:MetricsFile",
    "explanation": "evaluation.explanation_record:ExplanationFacts",
    "label_suspects": "evaluation.label_suspects_record:LabelSuspectFacts",
    "verdict": "evaluation.verdict_record:VerdictFacts",
    "report": "reporting.report_record:ReportRecord",
    "remedies": "remedies.remedies_record:RemediesRecord",
    "champion": "champion.pointer_record:PointerRecord",
    "version": "champion.version_record:VersionRecord",
    "approval": "champion.approval_record:ApprovalRecord",
    "promote": "champion.promotion_record:PromotionRecord",
    "mlflow": "tracking.tracking_record:TrackingRecord",
    "score": "champion.scores_record:ScoresRecord",
    "watch": "flow.watch:WatchRecord",
}
"""Module and class by the record's name, which is its file's where it has one of its own.

As text: to import them all takes a second, which every other command would wait for.
"""


def record_models() -> dict[str, type[Facts]]:
    """Import the model of every record, by its name."""
    models = {}
    for name, place in _RECORDS.items():
        module, _, model = place.partition(":")
        models[name] = getattr(import_module(f"cxr_tasks.{module}"), model)
    return models


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "record",
        nargs="?",
        choices=_RECORDS,
        metavar="RECORD",
        help=f"{', '.join(_RECORDS)}; without one they are listed",
    )


def _print_schema(options: Options, _home: Home, _environ: Mapping[str, str]) -> int:
    name = options["record"]
    if name is None:
        print("\n".join(_RECORDS))
    else:
        print(json.dumps(record_models()[name].model_json_schema(), indent=2))
    return 0


COMMAND = Command(
    "print the JSON schema of a record, such as report.json",
    _print_schema,
    _add_record,
    has_home=False,
)
