"""Reads a run's folder, in which other hands may have been: nothing in it is relied on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TypeVar

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.champion.pointer import retired_versions
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.errors import ArtifactError, CxrError
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.failure import NO_REASON, read_failure
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import ConfigRecord
from cxr_tasks.site.inside import is_unreadable
from cxr_tasks.site.listed_report import ListedReport, ListedVariant, check_report, glance_at_report
from cxr_tasks.site.run_facts import (
    MEASURES,
    WAITS,
    FailedStage,
    ReportFacts,
    RunFacts,
    Sign,
    VariantFacts,
)
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths, find_inside
from cxr_tasks.volume.progress_record import ENDS, ProgressRecord
from cxr_tasks.volume.record_model import read_sealed_record
from cxr_tasks.volume.records import find_record
from cxr_tasks.watching.event_checks import is_of_run

T = TypeVar("T")

PAGE = "index.html"

_TAIL_BYTES = 1 << 16
_MAX_LINES = 1000
"""That are looked at from either end for an event of the run."""

_NOT_AS_EXPECTED = (ArtifactError, LookupError, RecursionError, ValueError)


def report_page(run: RunPaths, name: str = PAGE) -> Path | None:
    """Find a page of a run's report."""
    return find_inside(run.root, run.report / name)


def is_damaged(run: RunPaths, page: bytes, name: str = PAGE) -> bool:
    """Return whether a page of a report is not the one that its record tells of.

    Raises:
        CxrError: The record may not be read here, so that nobody knows.
    """
    try:
        record = find_record(run.report, ReportRecord)
    except CxrError as err:
        if is_unreadable(err):
            raise
        return True
    return record is not None and record.outputs.get(name) != sha256(page).hexdigest()


def scores_page(home: Home, name: str) -> Path | None:
    """Find the result page of one batch of scored images.

    Raises:
        ConfigError: The name could not be one folder's name.
    """
    folder = home.scores(name)
    return find_inside(folder, folder / PAGE)


def read_run(run: RunPaths) -> RunFacts:
    """Read a run; what cannot be read is named in `problem`, and left out.

    The digest of its report is not looked at; before it is shown, `report_problem` does.
    """
    started, last_sign = _span(run)
    problems: list[str] = []

    def read(path: Path, reader: Callable[[Path], T]) -> T | None:
        try:
            real = find_inside(run.root, path)
            return reader(real) if real else None
        except _NOT_AS_EXPECTED as err:
            problems.append(_unreadable(path.relative_to(run.root), err))
            return None

    config = read(run.config, partial(read_sealed_record, model=ConfigRecord))
    report = read(_report_file(run), lambda path: _report(glance_at_report(path)))
    ingest = read(run.ingest / IngestRecord.FILE, partial(read_sealed_record, model=IngestRecord))
    promotion = read(
        run.promote / PromotionRecord.FILE, partial(read_sealed_record, model=PromotionRecord)
    )
    approval = read(run.approval, partial(read_sealed_record, model=ApprovalRecord))
    asks = approval if approval and approval.answer is None else None
    if not (config or report or ingest or promotion or problems):
        problems.append("config.json is missing.")
    return RunFacts(
        key=run.key,
        started=started,
        last_sign=last_sign,
        problem=problems[0] if problems else "",
        failures=_failures(run),
        config=config.config if config else {},
        report=report,
        unchanged_since=(ingest.unchanged_since if ingest else None) or "",
        decision=WAITS if asks else promotion.decision if promotion else "",
        reason=asks.proposal if asks else promotion.reason if promotion else "",
        version=(promotion.version if promotion else None) or "",
    )


def report_problem(run: RunPaths) -> str:
    """Return what is wrong with a run's report, its digest checked; empty where nothing is."""
    path = _report_file(run)
    try:
        if real := find_inside(run.root, path):
            check_report(real)
    except _NOT_AS_EXPECTED as err:
        return _unreadable(path.relative_to(run.root), err)
    return ""


def read_report(run: RunPaths) -> ReportRecord:
    """Read all of a report that is known to be whole.

    Raises:
        DamagedError: It is not what was written.
    """
    return read_sealed_record(_report_file(run), ReportRecord)


def with_retirement(facts: RunFacts, retired: Mapping[str, str]) -> RunFacts:
    """Add to a run that its model was retired, where it was; `retired` is the reason by version."""
    if facts.version not in retired:
        return facts
    return replace(facts, decision="retired", reason=retired[facts.version])


def read_retired(home: Home) -> dict[str, str]:
    """Read which versions of the champion were retired, and why; none if that cannot be read."""
    try:
        if find_inside(home.champion, home.champion / "champion.json") is None:
            return {}
        return {name: entry.reason for name, entry in retired_versions(home).items()}
    except _NOT_AS_EXPECTED:
        return {}


def _report_file(run: RunPaths) -> Path:
    return run.report / ReportRecord.FILE


def _unreadable(name: Path, err: Exception) -> str:
    if isinstance(err, ArtifactError):
        # what it says begins with the whole path, which is nobody's who only looks at pages
        return f"{name}{err.problem.partition(str(name))[2]}"
    reason = f"it lacks what a finished stage writes ({type(err).__name__}: {err})"
    return f"{name} cannot be read: {reason}."


def _span(run: RunPaths) -> tuple[float, Sign | None]:
    """Find when the run began, and what it did last."""
    progress = find_inside(run.root, run.progress)
    first, last = _ends(progress) if progress else (None, None)
    config = find_inside(run.root, run.config) or run.root
    return first.at if first else config.stat().st_mtime, last


def _ends(path: Path) -> tuple[Sign | None, Sign | None]:
    """Return the first and the last event; a long file is not read through for them."""
    try:
        with path.open("rb") as stream:
            first = _first_sign(iter(stream.readline, b""))
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = stream.read().splitlines()
    except FileNotFoundError:  # with all of its run
        raise
    except OSError:
        return None, None
    return first, _first_sign(reversed(lines))


def _first_sign(lines: Iterable[bytes]) -> Sign | None:
    return next((sign for line in islice(lines, _MAX_LINES) if (sign := _sign(line))), None)


def _sign(line: bytes) -> Sign | None:
    """Read an event; None for a line that is damaged or cut, or of no stage of the run."""
    try:
        event = ProgressRecord.model_validate_json(line)
    except ValueError:
        return None
    if not is_of_run(event):
        return None
    stage = f"{event.stage} {event.variant}".strip()
    return Sign(
        at=event.at,
        text=f"{stage}: {event.text}",
        ended=event.kind in ENDS,
        given_back=event.kind == "given back",
    )


def _failures(run: RunPaths) -> tuple[FailedStage, ...]:
    found = sorted([*run.root.glob("*.error.json"), *run.root.glob("train/*.error.json")])
    return tuple(_failure(run, path) for path in found)


def _failure(run: RunPaths, path: Path) -> FailedStage:
    name = path.name.removesuffix(".error.json")
    stage = name if path.parent == run.root else f"{path.parent.name} {name}"
    real = find_inside(run.root, path)
    try:
        failure = read_failure(real) if real else None
    except _NOT_AS_EXPECTED:
        failure = None
    message = failure.message.strip() if failure else ""
    stopped = failure is not None and failure.stopped
    return FailedStage(stage, message or NO_REASON, stopped)


def _report(record: ListedReport) -> ReportFacts:
    data, audit = record.data, record.audit
    return ReportFacts(
        profile=record.profile,
        data=data.description,
        data_fingerprint=data.fingerprint,
        n_images=data.n_images,
        synthetic=data.synthetic,
        basis=record.basis,
        split_digest=record.hashes["split.csv"],
        weights_origin=record.weights.origin,
        verdict=audit.verdict,
        sentence=audit.sentence,
        recommended=record.recommendation.variant,
        variants={name: _variant(record.variants.get(name)) for name in VARIANTS},
    )


def _variant(facts: ListedVariant | None) -> VariantFacts:
    if facts is None:  # the run is older than the variant
        return VariantFacts("skipped")
    if facts.status != "ok":
        return VariantFacts(facts.status)
    figures = {name: getattr(facts.headline, name) for name in MEASURES}
    return VariantFacts("ok", **figures, train_seconds=facts.total_seconds)
