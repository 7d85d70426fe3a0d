"""What is sent of a run: as one run of MLflow's, and one below it for each variant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.errors import TrainingError
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.reporting.report_record import LABELS_PAGE, ReportRecord
from cxr_tasks.runs.failure import FailureRecord, read_failure
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import ConfigRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import config_from_record
from cxr_tasks.tracking.description import describe, describe_variant
from cxr_tasks.tracking.points import Point, run_points, training_points, variant_points
from cxr_tasks.tracking.server import STAGE
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VariantName
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.record_model import read_sealed_record
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import NONE

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
"""MLflow's words; `KILLED` is what a person stopped."""

_REPORT_FILES = ("index.html", LABELS_PAGE, ReportRecord.FILE, "table.csv", "model_card.md")
_TRAINING_PARAMS = (
    "learning_rate",
    "batch_size",
    "max_epochs",
    "patience",
    "precision",
    "class_weight",
    "weights_origin",
    "cut_after",
    "n_parameters",
    "n_trainable_parameters",
    "n_train",
    "n_val",
    "seed",
)
_TRAINING_TAGS = ("device", "threads", "stopped_by")
"""What another try may change: MLflow never lets a param."""


@dataclass(frozen=True)
class TrackedRun:
    """A run as MLflow has it."""

    name: str
    status: Status
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)  # by their places below the run
    data: "TrackedData | None" = None
    began: float | None = None  # in seconds since 1970; None where nobody has written it down
    ended: float | None = None


@dataclass(frozen=True)
class TrackedData:
    """The images of a run, as MLflow names data sets."""

    name: str
    digest: str
    source: str  # their folder


@dataclass(frozen=True)
class TrackedRuns:
    """A run, and its variants by name."""

    whole: TrackedRun
    variants: Mapping[VariantName, TrackedRun]


@dataclass(frozen=True)
class _Read:
    """A run as far as it has come."""

    run: RunPaths
    config: RunConfig
    code: str
    ingested: IngestRecord | None
    dataset: DatasetRecord | None
    report: ReportRecord | None
    failures: Mapping[str, FailureRecord]  # by the stage's name, of a training by the variant's


def tracked_runs(run: RunPaths, *, ended: bool, with_models: bool) -> TrackedRuns:
    """Read what is to be sent of a run, whole or not.

    Args:
        run: The run.
        ended: Whether nothing of it goes on: then what is missing has failed.
        with_models: Whether the models are sent too.

    Raises:
        CxrError: A record is damaged.
    """
    read = _read(run)
    variants = {
        name: _variant(read, name, with_model=with_models)
        for name in read.config.variants
        if name in read.failures or (run.train(name) / TrainingRecord.FILE).exists()
    }
    return TrackedRuns(_whole(read, ended=ended), variants)


def _read(run: RunPaths) -> _Read:
    described = read_sealed_record(run.config, ConfigRecord)
    ingested = find_record(run.ingest, IngestRecord)
    return _Read(
        run=run,
        config=config_from_record(described.config),
        code=described.code,
        ingested=ingested,
        dataset=find_record(run.home.datasets / ingested.dataset, DatasetRecord)
        if ingested
        else None,
        report=find_record(run.report, ReportRecord),
        failures={
            path.name.removesuffix(".error.json"): read_failure(path)
            for path in sorted(run.root.rglob("*.error.json"))
        },
    )


def _whole(read: _Read, *, ended: bool) -> TrackedRun:
    description = describe(read.report, read.failures, synthetic=_synthetic(read))
    files = [read.run.report / name for name in _REPORT_FILES] if read.report else []
    began, over = _times(read.run)
    return TrackedRun(
        name=read.run.key,
        status=_status(read, ended=ended),
        params={name: _text(value) for name, value in read.config.as_dict().items()},
        tags=_tags(read) | {"mlflow.note.content": description},
        points=tuple(run_points(read.report)) if read.report else (),
        files={path.name: path for path in files if path.exists()},
        data=_data(read),
        began=began,
        ended=over,
    )


def _variant(read: _Read, name: str, *, with_model: bool) -> TrackedRun:
    folder = read.run.train(name)
    record = find_record(folder, TrainingRecord)
    failure = read.failures.get(name)
    figures = variant_points(read.report, name) if read.report else ()
    curves = training_points(record, folder / "history.csv") if record else ()
    model = folder / "model.keras"
    began, ended = _times(read.run, name)
    return TrackedRun(
        name=name,
        status="FINISHED" if failure is None else _failed([failure]),
        params={key: _text(getattr(record, key)) for key in _TRAINING_PARAMS if record},
        tags={f"cxr.{key}": _text(getattr(record, key)) for key in _TRAINING_TAGS if record}
        | _common_tags(read)
        | {
            "cxr.errors": failure.first_line if failure else NONE,
            "mlflow.note.content": describe_variant(synthetic=_synthetic(read)),
        },
        points=(*figures, *curves),
        files={f"model/{model.name}": model} if with_model and record else {},
        data=_data(read),
        began=began,
        ended=ended,
    )


def _status(read: _Read, *, ended: bool) -> Status:
    if read.failures:
        return _failed(list(read.failures.values()))
    try:
        check_complete(read.run, read.config)
    except TrainingError:
        return "FAILED" if ended else "RUNNING"
    return "FINISHED"


def _failed(failures: list[FailureRecord]) -> Status:
    return "KILLED" if all(each.stopped for each in failures) else "FAILED"


def _common_tags(read: _Read) -> dict[str, str]:
    """Return what stands beside every figure: whose data they are of, and whether of anybody's."""
    synthetic = {True: "yes", False: "no", None: "unknown"}
    return {
        "cxr.run_key": read.run.key,
        "cxr.synthetic": synthetic[_synthetic(read)],
        "cxr.data": read.ingested.dataset if read.ingested else "",
        "cxr.verdict": read.report.audit.verdict if read.report else NONE,
        "cxr.basis": read.report.basis if read.report else NONE,
        "mlflow.source.name": "cxr_tasks",
        "mlflow.source.type": "JOB",
    }


def _tags(read: _Read) -> dict[str, str]:
    report, promotion = read.report, find_record(read.run.promote, PromotionRecord)
    errors = "; ".join(f"{name}: {each.first_line}" for name, each in read.failures.items())
    return _common_tags(read) | {
        "cxr.profile": read.config.profile,
        "cxr.settings": read.config.fingerprint,
        "cxr.code": read.code,
        "cxr.recommended": (report and report.recommendation.variant) or NONE,
        "cxr.shown": report.shown_name if report else NONE,
        "cxr.promotion": promotion.decision if promotion else "not decided",
        "cxr.errors": errors or NONE,
    }


def _synthetic(read: _Read) -> bool | None:
    return None if read.dataset is None else read.dataset.synthetic


def _data(read: _Read) -> TrackedData | None:
    if read.ingested is None or read.dataset is None:
        return None
    fingerprint = read.ingested.dataset
    name = f"{read.dataset.source} (synthetic)" if read.dataset.synthetic else read.dataset.source
    return TrackedData(name, fingerprint, str(read.run.home.datasets / fingerprint))


def _times(run: RunPaths, variant: str = "") -> tuple[float | None, float | None]:
    """Return when the first and the last thing happened, in a run or in a variant's training."""
    times = [
        event.at
        for event, _ in read_events(run.progress)
        if (event.stage, event.variant) == ("train", variant)
        or (not variant and event.stage != STAGE)
    ]
    return (min(times), max(times)) if times else (None, None)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
