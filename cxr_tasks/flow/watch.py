"""Whether the source of the scheduled runs has changed since it was last looked at."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cxr_tasks.data.sources.source import open_source, stamp_of
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import digest_of, remove_leftovers
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.record_model import SealedRecord, read_sealed_record, write_sealed_record

LOOKED_BY = "CXR_LOOKED_BY"
"""Environment variable of the command `watch`: who looks."""


class WatchRecord(SealedRecord):
    """The last look."""

    seen: str
    """Digest of names, sizes and times."""
    by: str
    """Who looked."""
    at: str
    """ISO 8601."""
    is_new: bool
    """Whether nobody else had seen it before."""
    source: str
    """What was looked at, for a person."""


def look(
    config: RunConfig,
    home: Home,
    *,
    looked_by: str,
    now: datetime,
    environ: Mapping[str, str],
    report: Callable[[str], None],
) -> bool:
    """Look at the source, and remember what was seen.

    Names, sizes and times are looked at, not every byte: where they change and the content does
    not, the run that follows ends early. The first look counts as new.

    Args:
        config: Names the source.
        home: Remembers, in `watch.json`.
        looked_by: Who looks. The same looker gets the same answer again, since what it does about
            it may have failed the first time. Empty: somebody who only wants to know, whose
            look is not remembered, so that nobody else misses what is new.
        now: Written down.
        environ: Where credentials may stand.
        report: Told what a watching person wants to know.

    Returns:
        Whether something is there that no other looker has seen before.

    Raises:
        ConfigError: The source is `phantom`, which never changes.
        SourceError: The source cannot be reached.
    """
    if config.source == "phantom":
        raise ConfigError(
            "The source to watch is 'phantom'.",
            "Images that the project draws never change; a folder, a zip or Kaggle may.",
            "Name source and data in defaults.toml on the shared volume.",
        )
    state = _state_file(home)
    with volume_in_use(home):  # a download lies there
        source = open_source(config, home=home, environ=environ, report=report)
        stamp = stamp_of(source, tables=[config.patients, config.label_decisions])
        seen = digest_of([config.preset, config.covid_glob, config.normal_glob, stamp])
    with volume_in_use(home), locked(home.locks / "watch.lock"):
        before = _state_before(state, report)
        is_new = before is None or before.seen != seen or (before.by == looked_by and before.is_new)
        if looked_by:
            remove_leftovers(state)
            now_seen = WatchRecord(
                seen=seen,
                by=looked_by,
                at=now.isoformat(timespec="seconds"),
                is_new=is_new,
                source=source.description,
            )
            write_sealed_record(state, now_seen)
    report(f"{source.description}: {'new' if is_new else 'as it was seen before'}")
    return is_new


def found_something_new(home: Home, looked_by: str) -> bool:
    """Return whether the last look found something new, if it was this looker's."""
    state = read_sealed_record(_state_file(home), WatchRecord)
    return state.is_new and state.by == looked_by


def _state_before(state: Path, report: Callable[[str], None]) -> WatchRecord | None:
    """Read what was seen last; None where that is not known any more."""
    try:
        return read_sealed_record(state, WatchRecord) if state.exists() else None
    except DamagedError as err:
        report(warning(f"{err.problem} What is there counts as new."))
        return None


def _state_file(home: Home) -> Path:
    return home.root / "watch.json"
