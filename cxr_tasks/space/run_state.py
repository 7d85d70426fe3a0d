"""What a run means for what may go: whether it is finished, what it names, when it changed."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.errors import ConfigError, CxrError
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import read_config
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import read_sealed_record
from cxr_tasks.volume.records import find_record

DAY_SECONDS = 86_400.0
UNFINISHED_DAYS = 7
"""For so long a run without a report counts as one that goes on."""


@dataclass(frozen=True)
class RunState:
    """One run."""

    run: RunPaths  # its folders
    changed_at: float  # when something happened in it last, in seconds since 1970
    finished: bool  # whether it has a report, and no person is asked about its model
    # the earlier run that it would have repeated; None where it has its own results, or none yet
    unchanged_since: str | None = None
    datasets: frozenset[str] = frozenset()  # fingerprints of the data sets that it uses
    champion: str | None = None  # the version that its data are compared with
    downloads: frozenset[str] = frozenset()  # Kaggle data sets that it comes from
    problem: str = ""  # what of it cannot be read; then it is not known what it uses

    def days_since(self, now: float) -> float:
        """Return for how many days nothing has happened in it, at a time in seconds since 1970."""
        return (now - self.changed_at) / DAY_SECONDS


def run_states(home: Home) -> list[RunState]:
    """Read what every run on the volume says of itself, by name; what is linked counts too."""
    folder = home.root / "runs"
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        with suppress(ConfigError):  # no run can have this name
            run = home.run(path.name)
            if path.is_dir():
                found.append(_read_state(run))
    return found


def newest_finished(states: Iterable[RunState]) -> RunState | None:
    """Return the run with results of its own in which something happened last."""
    own = [state for state in states if state.finished]
    return max(own, key=lambda state: state.changed_at, default=None)


def downloads_of(config: RunConfig) -> frozenset[str]:
    """Name the Kaggle data sets that a configuration ingests."""
    external = config.external_config()
    configs = (config, external) if external else (config,)
    found = set()
    for each in configs:
        if each.source == "kaggle":
            with suppress(ConfigError):  # what names no data set has no download
                found.add(read_handle("kaggle_dataset", each.kaggle_dataset))
    return frozenset(found)


def _read_state(run: RunPaths) -> RunState:
    state = RunState(run, _changed_at(run), finished=(run.report / "report.json").exists())
    try:
        state = replace(state, finished=state.finished and not _asks(run))
        ingested = find_record(run.ingest, IngestRecord)
        config = read_config(run) if run.config.exists() else None
    except CxrError as err:
        return replace(state, problem=err.problem)
    downloads = downloads_of(config) if config else frozenset[str]()
    if ingested is None:
        return replace(state, downloads=downloads)
    used = (ingested.dataset, ingested.external, ingested.base)
    return replace(
        state,
        unchanged_since=ingested.unchanged_since,
        datasets=frozenset(fingerprint for fingerprint in used if fingerprint),
        champion=ingested.champion,
        downloads=downloads,
    )


def _asks(run: RunPaths) -> bool:
    """Return whether a person is asked about a run's model, and has not answered."""
    return run.approval.exists() and read_sealed_record(run.approval, ApprovalRecord).answer is None


def _changed_at(run: RunPaths) -> float:
    """Find when something happened last: every stage writes its events to `progress.jsonl`."""
    files = (
        run.config,
        run.progress,
        run.root / "run.log",
        run.ingest / "ingest.json",
        run.report / "report.json",
        run.approval,
        run.promote / "promote.json",
    )
    times = []
    for path in files:
        with suppress(OSError):  # it is not there, or not any more
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)
