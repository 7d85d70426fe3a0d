"""What runs have predicted of which images, to test two of them against each other."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxr_tasks.errors import CxrError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.site.inside import checked_output
from cxr_tasks.site.run_facts import ReportFacts
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import RunPaths


@dataclass(frozen=True)
class ScoredRun:
    """The images that a run's figures are about, in the order of their paths."""

    paths: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    scores: Mapping[str, tuple[float, ...]]  # by variant; those whose predictions are whole


@dataclass(frozen=True)
class Ground:
    """Runs that were scored on the same images with the same labels."""

    members: tuple[int, ...]  # places of the runs among those compared
    runs: tuple[ScoredRun, ...]

    @property
    def digest(self) -> str:
        """Identify all that a test depends on."""
        return digest_of(
            [[run.paths, run.labels, run.groups, dict(run.scores)] for run in self.runs]
        )


def read_scored(run: RunPaths, report: ReportFacts) -> ScoredRun | None:
    """Read a run's predictions for the images of its basis; None where none can be relied on."""
    tables = {
        name: table
        for name, facts in report.variants.items()
        if facts.status == "ok" and (table := _read(run, name, report.basis))
    }
    if not tables:
        return None
    first = next(iter(tables.values()))
    scores = {name: table for name, table in tables.items() if _images(table) == _images(first)}
    return ScoredRun(
        paths=tuple(row[0] for row in first),
        labels=tuple(row[1] for row in first),
        groups=tuple(row[2] for row in first),
        scores={name: tuple(row[3] for row in table) for name, table in scores.items()},
    )


def same_images(scored: Sequence[ScoredRun | None], reports: Sequence[ReportFacts]) -> list[Ground]:
    """Put together the runs whose figures are about the same images of the same data.

    Out of fold every image is scored, whatever the folds: such runs need not share their split.
    """
    places: dict[Any, list[int]] = {}
    for at, (run, report) in enumerate(zip(scored, reports, strict=True)):
        if run is not None:
            key = (report.data_fingerprint, report.basis, run.paths, run.labels)
            places.setdefault(key, []).append(at)
    grounds = []
    for members in places.values():
        runs = tuple(run for at in members if (run := scored[at]))
        if len(runs) > 1:
            grounds.append(Ground(tuple(members), runs))
    return grounds


_Row = tuple[str, int, int, float]


def _images(table: list[_Row]) -> list[tuple[str, int, int]]:
    return [row[:3] for row in table]


def _read(run: RunPaths, variant: str, basis: str) -> list[_Row]:
    """Read one `predictions.csv`; empty where it is missing, damaged or not what it should be."""
    file = f"{variant}/predictions.csv"
    try:
        content = checked_output(run.root, run.evaluate / ComparisonRecord.FILE, file)
        text = content.decode("utf-8") if content else ""
        return sorted(
            _row(row)
            for row in csv.DictReader(io.StringIO(text, newline=""))
            if row["part"] == basis
        )
    except (CxrError, OSError, LookupError, TypeError, ValueError, RecursionError, csv.Error):
        return []


def _row(row: Mapping[str, str]) -> _Row:
    label, score = int(row["label"]), float(row["score"])
    if label not in (0, 1) or not (math.isfinite(score) and 0 <= score <= 1):
        raise ValueError(f"label {label}, score {score}")
    return row["path"], label, int(row["group"]), score
