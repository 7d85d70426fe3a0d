"""A run's figures as MLflow's metrics: a number by a key at a step."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.statistics.figures_record import Estimate, MetricFigures
from cxr_tasks.training.training_record import TrainingFacts

_OF_TRAINING = (
    "epochs_run",
    "best_epoch",
    "train_seconds",
    "prepare_seconds",
    "seconds_per_epoch",
    "peak_anon_mb",
    "model_bytes",
)
_NOT_A_CURVE = ("epoch", "seconds")
"""Columns of `history.csv` that are no metric of the epoch."""


@dataclass(frozen=True)
class Point:
    """One value of one metric."""

    key: str
    value: float
    step: int = 0  # the epoch, from 1; 0 where it is about the whole run
    seconds: float = 0.0  # after the beginning


def run_points(report: ReportFigures) -> Iterator[Point]:
    """Yield a run's figures: those of the shown variant, of each by its name, of the controls.

    An interval is two more metrics, its ends: `accuracy`, `accuracy_low`, `accuracy_high`.
    """
    yield from variant_points(report, report.shown_name)
    for name in report.trained:
        yield from variant_points(report, name, prefix=f"{name}/")
    for name, control in report.audit.controls.items():
        yield Point(f"control/{name}_auc", control.auc)


def variant_points(report: ReportFigures, name: str, *, prefix: str = "") -> Iterator[Point]:
    """Yield the figures of one variant on the images of the basis, and on a second data set."""
    variant = report.variants[name]
    if variant.status != "ok":
        return
    yield from _figures(variant.headline, prefix)
    if report.external and (there := report.external.variants.get(name)):
        yield from _figures(there.metrics, f"{prefix}external_")


def training_points(training: TrainingFacts, history: Path) -> Iterator[Point]:
    """Yield what a training cost, and its curves: of several fits, those of the model it kept."""
    for key in _OF_TRAINING:
        yield Point(key, float(getattr(training, key)))
    with history.open(encoding="utf-8", newline="") as stream:
        seconds = 0.0
        for row in csv.DictReader(stream):
            seconds += _number(row["seconds"]) or 0.0
            yield from _epoch(row, seconds)


def _epoch(row: Mapping[str, str], seconds: float) -> Iterator[Point]:
    for key, text in row.items():
        value = _number(text)
        if key not in _NOT_A_CURVE and value is not None:
            yield Point(f"epoch/{key}", value, step=int(row["epoch"]), seconds=seconds)


def _figures(figures: MetricFigures, prefix: str) -> Iterator[Point]:
    for key in MetricFigures.model_fields:
        yield from _with_ends(f"{prefix}{key}", getattr(figures, key))


def _with_ends(key: str, figure: Estimate) -> Iterator[Point]:
    low, high = figure.interval or (None, None)
    for name, value in ((key, figure.value), (f"{key}_low", low), (f"{key}_high", high)):
        if value is not None:
            yield Point(name, float(value))


def _number(text: str) -> float | None:
    """Read a number of a table; None where it holds none, or no finite one."""
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None
