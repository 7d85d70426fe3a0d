"""A run sent to an MLflow server, once or again: what is there already is found, not doubled."""

import time
import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from cxr_tasks.runs.start import open_run
from cxr_tasks.runs.unchanged import reason, unchanged_since
from cxr_tasks.tracking.content import TrackedRun, tracked_runs
from cxr_tasks.tracking.mlflow import KnownRun, Metric, Mlflow
from cxr_tasks.tracking.points import Point
from cxr_tasks.tracking.rest import TOTAL_SECONDS, Rest
from cxr_tasks.tracking.server import Server
from cxr_tasks.tracking.tracking_record import TrackingRecord
from cxr_tasks.volume.files import remove_leftovers
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Report, warning
from cxr_tasks.volume.record_model import read_sealed_record, write_sealed_record

_ID, _VARIANT, _PARENT = "cxr.tracking_id", "cxr.variant", "mlflow.parentRunId"

_MODEL_SECONDS = 600.0
"""More time, where models are sent too."""


def send_run(
    run: RunPaths, server: Server, *, ended: bool, note: Report, seconds: float = TOTAL_SECONDS
) -> str:
    """Send what there is of a run; what is on the server already is brought up to date.

    Args:
        run: The run.
        server: Where to.
        ended: Whether nothing of the run goes on: then what is missing has failed.
        note: Told what is left out.
        seconds: After which it is given up, without the models' time.

    Returns:
        A sentence about it.

    Raises:
        TrackingError: The server is not reached, or does not take it.
        CxrError: A record of the run is damaged.
    """
    if earlier := unchanged_since(run):
        return f"nothing to send. {reason(earlier)}"
    seconds += _MODEL_SECONDS if server.with_models else 0
    with volume_in_use(run.home), locked(run.lock("track")), Rest(server, seconds=seconds) as rest:
        open_run(run.home, run.key)  # it may have been removed meanwhile
        runs = tracked_runs(run, ended=ended, with_models=server.with_models)
        sending = _Sending(Mlflow(rest, server), _tracking_id(run), note)
        run_id = sending.send(runs.whole)
        for name, each in runs.variants.items():
            sending.send(each, variant=name, parent=run_id)
    return f"sent to {server.address}, experiment {server.experiment!r}, run {run_id}"


def _tracking_id(run: RunPaths) -> str:
    """Return by what a run is found on the server, drawn before it is first sent."""
    path = run.root / TrackingRecord.FILE
    if path.exists():
        return read_sealed_record(path, TrackingRecord).tracking_id
    record = TrackingRecord(tracking_id=uuid.uuid4().hex)
    remove_leftovers(path)
    write_sealed_record(path, record)
    return record.tracking_id


class _Sending:
    """A run on its way, with what the server has of it."""

    def __init__(self, mlflow: Mlflow, tracking_id: str, note: Report) -> None:
        self._mlflow = mlflow
        self._tracking_id = tracking_id
        self._note = note
        found = mlflow.find_runs(_ID, tracking_id)
        self._known = {each.data.tag(_VARIANT): each for each in found}

    def send(self, sent: TrackedRun, *, variant: str = "", parent: str = "") -> str:
        """Bring one of its runs there up to date, made where it is missing; return its name."""
        tags = {**sent.tags, _ID: self._tracking_id}
        tags |= {_VARIANT: variant, _PARENT: parent} if variant else {}
        began_ms = _milliseconds(sent.began)
        known = self._known.get(variant) or self._mlflow.create_run(
            sent.name, tags, began_ms=began_ms
        )
        has = {each.key for each in known.data.params}
        self._mlflow.log(
            known.info.run_id,
            metrics=list(_missing(sent.points, known, began_ms)),
            params={key: value for key, value in sent.params.items() if key not in has},
            tags=tags,
        )
        if data := sent.data:
            self._mlflow.log_data(
                known.info.run_id, name=data.name, digest=data.digest, source=data.source
            )
        self._put_files(sent, known)
        ended_ms = None if sent.status == "RUNNING" else _milliseconds(sent.ended)
        self._mlflow.update_run(known.info.run_id, status=sent.status, ended_ms=ended_ms)
        return known.info.run_id

    def _put_files(self, sent: TrackedRun, known: KnownRun) -> None:
        if sent.files and not self._mlflow.keeps_files(known.info):
            where = known.info.artifact_uri.partition(":")[0] or "nowhere"
            text = f"files of {sent.name} are not sent: the server keeps them elsewhere ({where})"
            self._note(warning(f"{text}. Start it with --serve-artifacts."))
            return
        for place, path in sent.files.items():
            self._mlflow.put_file(known.info, path, place)


def _missing(points: Iterable[Point], known: KnownRun, began_ms: int) -> Iterator[Metric]:
    """Yield what a server lacks, in the order of steps, so that it always has a beginning of each.

    MLflow takes no value back. Of a key whose last value there is not ours all is sent again, and
    later: then ours are its last.
    """
    last = {each.key: each for each in known.data.metrics}
    wanted: list[Metric] = []
    for key, group in groupby(sorted(points, key=attrgetter("key", "step")), attrgetter("key")):
        ours = [_metric(point, began_ms) for point in group]
        there = last.get(key)
        if there is None:
            wanted += ours
        elif any((each.step, each.value) == (there.step, there.value) for each in ours):
            wanted += [each for each in ours if each.step > there.step]
        else:
            now = _milliseconds(None)
            wanted += [each.model_copy(update={"timestamp": now}) for each in ours]
    yield from sorted(wanted, key=attrgetter("step"))


def _metric(point: Point, began_ms: int) -> Metric:
    at = began_ms + round(1000 * point.seconds)
    return Metric(key=point.key, value=point.value, timestamp=at, step=point.step)


def _milliseconds(seconds: float | None) -> int:
    """Return a time as MLflow has it; where none is known, now."""
    return round(1000 * (time.time() if seconds is None else seconds))
