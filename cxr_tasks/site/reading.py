"""Reads a run's folder, in which other hands may have been: nothing in it is relied on."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cxr_tasks.champion.pointer import retired_versions
from cxr_tasks.errors import ArtifactError, CxrError
from cxr_tasks.site.run_facts import FailedStage, Figure, ReportFacts, RunFacts, Sign, VariantFacts
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import as_unicode, read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import find_record
from cxr_tasks.volume.sealed import read_sealed

PAGE = "index.html"

_TAIL_BYTES = 1 << 16
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, after which Python knows no dates."""

_NOT_AS_EXPECTED = (
    ArtifactError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def find_inside(folder: Path, path: Path) -> Path | None:
    """Follow links to a file; None where it is none, or lies outside `folder`.

    The folder's own name is taken as it is: if it is a link, nothing in it counts.
    """
    real = path.resolve()
    inside = folder.parent.resolve() / folder.name
    return real if real.is_relative_to(inside) and real.is_file() else None


def report_page(run: RunPaths) -> Path | None:
    """Find a run's report."""
    return find_inside(run.root, run.report / PAGE)


def is_damaged(run: RunPaths, page: bytes) -> bool:
    """Return whether a report is not the page that its record tells of."""
    from cxr_tasks.reporting.report_record import ReportRecord

    try:
        record = find_record(run.report, ReportRecord)
    except CxrError:
        return True
    return record is not None and record["outputs"].get(PAGE) != sha256(page).hexdigest()


def scores_page(home: Home, name: str) -> Path | None:
    """Find the result page of one batch of scored images.

    Raises:
        ConfigError: The name could not be one folder's name.
    """
    folder = home.scores(name)
    return find_inside(folder, folder / PAGE)


def read_run(run: RunPaths) -> RunFacts:
    """Read a run; what cannot be read is named in `problem`, and left out."""
    started, last_sign = _span(run)
    read: dict[str, Any] = {}
    problem = ""
    for path, part in (
        (run.config, lambda record: {"config": dict(record["config"])}),
        (run.report / "report.json", _report),
        (run.ingest / "ingest.json", _ingestion),
        (run.promote / "promote.json", _promotion),
    ):
        try:
            if (real := find_inside(run.root, path)) is not None:
                read |= part(read_sealed(real))
        except _NOT_AS_EXPECTED as err:
            problem = problem or _unreadable(path.relative_to(run.root), err)
    if not read and not problem:
        problem = "config.json is missing."
    return RunFacts(
        key=run.key,
        started=started,
        last_sign=last_sign,
        problem=problem,
        failures=_failures(run),
        **read,
    )


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
        return {name: _text(entry["reason"]) for name, entry in retired_versions(home).items()}
    except _NOT_AS_EXPECTED:
        return {}


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
            first = stream.readline()
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = stream.read().splitlines()
    except PermissionError:
        return None, None
    return _sign(first), next((sign for line in reversed(lines) if (sign := _sign(line))), None)


def _sign(line: bytes) -> Sign | None:
    """Read an event; None for a line that is damaged or cut."""
    try:
        event = json.loads(line)
        stage = f"{event['stage']} {event['variant']}".strip()
        ended = event.get("kind") in ("done", "failed", "stopped")
        return Sign(at=_time(event["at"]), text=f"{stage}: {event['text']}", ended=ended)
    except _NOT_AS_EXPECTED:
        return None


def _failures(run: RunPaths) -> tuple[FailedStage, ...]:
    found = sorted([*run.root.glob("*.error.json"), *run.root.glob("train/*.error.json")])
    return tuple(_failure(run, path) for path in found)


def _failure(run: RunPaths, path: Path) -> FailedStage:
    name = path.name.removesuffix(".error.json")
    stage = name if path.parent == run.root else f"{path.parent.name} {name}"
    real = find_inside(run.root, path)
    try:
        error = read_json(real) if real else {}
        message, stopped = str(error["message"]), error.get("stopped") is True
    except _NOT_AS_EXPECTED:
        message, stopped = "", False
    return FailedStage(stage, as_unicode(message).strip() or "No reason is known.", stopped)


def _ingestion(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"unchanged_since": _text(record.get("unchanged_since") or "")}


def _promotion(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "decision": _text(record["decision"]),
        "reason": _text(record["reason"]),
        "version": _text(record.get("version") or ""),
    }


def _report(record: Mapping[str, Any]) -> dict[str, Any]:
    data, audit = record["data"], record["audit"]
    chosen = record["recommendation"]["variant"]
    facts = ReportFacts(
        profile=_text(record["profile"]),
        data=_text(data["description"]),
        data_fingerprint=_text(data["fingerprint"]),
        n_images=int(_number(data["n_images"])),
        synthetic=bool(data["synthetic"]),
        basis=_text(record["basis"]),
        split_digest=_text(record["hashes"]["split.csv"]),
        weights_origin=_text(record["weights"]["origin"]),
        verdict=_text(audit["verdict"]),
        sentence=_text(audit["sentence"]),
        recommended=None if chosen is None else _text(chosen),
        variants={name: _variant(record["variants"][name]) for name in VARIANTS},
    )
    return {"report": facts}


def _variant(facts: Mapping[str, Any]) -> VariantFacts:
    if facts["status"] != "ok":
        return VariantFacts("failed" if facts["status"] == "failed" else "skipped")
    headline = facts["headline"]
    return VariantFacts(
        status="ok",
        accuracy=_figure(headline["accuracy"]),
        roc_auc=_figure(headline["roc_auc"]),
        train_seconds=_number(facts["total_seconds"]),
    )


def _figure(measure: Mapping[str, Any]) -> Figure:
    value, interval = measure["value"], measure["interval"]
    return Figure(
        value=None if value is None else _number(value),
        interval=None if interval is None else [_number(interval[0]), _number(interval[1])],
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return float(value)


def _time(value: object) -> float:
    seconds = _number(value)
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError(f"{seconds} is no time")
    return seconds


def _text(value: object) -> str:
    if not isinstance(value, str) or as_unicode(value) != value:
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value
