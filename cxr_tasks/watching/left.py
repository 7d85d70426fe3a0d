"""Reads what a run has left beside its events: settings, finished stages, failures, findings.

Other hands may have been in its folder, and it changes while it is read: nothing is relied on.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from cxr_tasks.audit.audit_record import AuditRecord, gravest_first
from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.errors import EXIT_CODE, ArtifactError, CxrError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.runs.failure import NO_REASON, FailureRecord, read_failure
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import read_config
from cxr_tasks.runs.starts import read_starts
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RECORD_FILES, RunPaths, find_inside
from cxr_tasks.volume.record_model import SealedT, read_sealed_record
from cxr_tasks.watching.run_progress import SYNTHETIC, AuditSoFar, Failure, Left, VerdictSoFar
from cxr_tasks.watching.task_names import STAGE_OF

Stamp = tuple[int, int]
"""When a file was last changed and how large it is; zeros where there is none."""

T = TypeVar("T")

_NOT_AS_EXPECTED = (CxrError, OSError, LookupError, RecursionError, ValueError)


class LeftReader:
    """What one run has left; a file that has not changed is not read again."""

    def __init__(self, run: RunPaths) -> None:
        self._run = run
        self._kept: dict[Path, tuple[Stamp, object]] = {}
        self._problems: list[str] = []

    def read(self) -> Left:
        """Read what there is now; what cannot be read is named in `problem`."""
        self._problems = []
        run = self._run
        config = self._once(run.config, lambda _path: read_config(run))
        ingested = self._record(run.ingest, IngestRecord)
        audit = self._record(run.audit, AuditRecord)
        compared = self._record(run.evaluate, ComparisonRecord)
        promoted = self._record(run.promote, PromotionRecord)
        asked = self._once(run.approval, lambda path: read_sealed_record(path, ApprovalRecord))
        starts = self._once(run.starts, lambda _path: read_starts(run)) or []
        return Left(
            has_config=config is not None,
            variants=config.variants if config else tuple(VARIANTS),
            n_fits=_n_fits(config) if config else {},
            promotes=config.promote if config else True,
            profile=config.profile if config else "",
            tags=_tags(config, ingested),
            finished=frozenset(self._finished()),
            failures={name: each for name, path in _errors(run) if (each := self._failure(path))},
            asks=_how_to_answer(run.key) if asked and asked.answer is None else "",
            is_of_airflow=bool(starts and starts[-1].how != "command line"),
            unchanged_since=(ingested.unchanged_since if ingested else None) or "",
            decision=f"{promoted.decision}: {promoted.reason}" if promoted else "",
            audit=_audit_so_far(audit) if audit else None,
            verdict=VerdictSoFar(compared.audit.verdict, compared.audit.sentence)
            if compared
            else None,
            problem=self._problems[0] if self._problems else "",
        )

    def stamps(self) -> tuple[Stamp, ...]:
        """Return when what is read was last changed."""
        run = self._run
        errors = (path for _, path in _errors(run))
        records = (path for _, path in _records(run))
        others = (run.config, run.approval, run.starts)
        return tuple(_stamp(path) for path in (*others, *records, *errors))

    def _finished(self) -> Iterator[str]:
        return (name for name, path in _records(self._run) if _is_file(path))

    def _record(self, folder: Path, model: type[SealedT]) -> SealedT | None:
        file = folder / str(getattr(model, "FILE", ""))
        return self._once(file, lambda path: read_sealed_record(path, model))

    def _failure(self, path: Path) -> Failure | None:
        if not _is_file(path):
            return None
        failure = self._once(path, read_failure)
        return _failure(failure) if failure else Failure(NO_REASON)

    def _once(self, file: Path, read: Callable[[Path], T]) -> T | None:
        """Read a file unless that was done since it changed; None where there is none to read."""
        stamp = _stamp(file)
        kept = self._kept.get(file)
        if kept is None or kept[0] != stamp:
            self._kept[file] = kept = (stamp, self._try(file, read))
        value = kept[1]
        if isinstance(value, _Unreadable):
            self._problems.append(str(value))
            return None
        return value  # type: ignore[return-value]

    def _try(self, file: Path, read: Callable[[Path], T]) -> "T | _Unreadable | None":
        try:
            real = find_inside(self._run.root, file)
            return read(real) if real else None
        except _NOT_AS_EXPECTED as err:
            return _Unreadable(_reason(file.relative_to(self._run.root), err))


class _Unreadable(str):
    """Why a file cannot be read."""

    __slots__ = ()


def _records(run: RunPaths) -> Iterator[tuple[str, Path]]:
    for name, (stage, variant) in STAGE_OF.items():
        folder = run.train(variant) if variant else run.root / stage
        yield name, folder / RECORD_FILES[stage]


def _errors(run: RunPaths) -> Iterator[tuple[str, Path]]:
    for name, (stage, variant) in STAGE_OF.items():
        yield name, run.error(stage, variant)


def _is_file(path: Path) -> bool:
    """Return whether a file is there; `Path.is_file` fails where its folder may not be read."""
    return os.path.isfile(path)  # noqa: PTH113


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size


def _how_to_answer(key: str) -> str:
    return f"in Airflow under Required Actions, or python -m cxr_tasks approval --run {key}"


def _n_fits(config: RunConfig) -> dict[str, int]:
    """Return of how many fits each training consists: its folds and the final one."""
    folds = {name: config.folds * config.n_repeats_of(name) for name in config.variants}
    return {name: n + 1 for name, n in folds.items()}


def _tags(config: RunConfig | None, ingested: IngestRecord | None) -> tuple[str, ...]:
    synthetic = SYNTHETIC if config and config.source == "phantom" else ""
    origin = ORIGINS.get(ingested.weights.origin) if ingested else None
    return tuple(filter(None, (synthetic, origin.tag if origin else "")))


def _failure(failure: FailureRecord) -> Failure:
    message = failure.message.strip() or NO_REASON
    return Failure(message, failure.stopped, retryable=failure.exit_code != EXIT_CODE)


def _audit_so_far(audit: AuditRecord) -> AuditSoFar:
    controls = [each for each in audit.controls.values() if each.role == "control"]
    return AuditSoFar(
        findings=tuple(gravest_first(audit.findings)),
        above_chance=tuple((each.title, each.auc) for each in controls if each.above_chance),
        n_controls=len(controls),
    )


def _reason(name: Path, err: Exception) -> str:
    if isinstance(err, ArtifactError):
        # what it says begins with the whole path, which is nobody's who only looks
        return f"{name}{err.problem.partition(str(name))[2]}"
    return f"{name} cannot be read ({type(err).__name__})."
