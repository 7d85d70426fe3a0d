"""The champion's history: what serves and what served, and which challenges were turned down."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.champion.pointer import read_pointer, retired_versions
from cxr_tasks.champion.pointer_record import ServiceEntry
from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.champion.versions import run_key_of, version_record
from cxr_tasks.errors import CxrError
from cxr_tasks.site.run_facts import WAITS, RunFacts
from cxr_tasks.volume.paths import Home, find_inside
from cxr_tasks.volume.record_model import read_sealed_record

MAX_CHALLENGES = 50


@dataclass(frozen=True)
class Service:
    """One change of what serves."""

    entry: ServiceEntry
    run_key: str
    has_run: bool  # whether the run is still there
    record: VersionRecord | None  # None where it is deleted or damaged
    problem: str  # why, where it is damaged


@dataclass(frozen=True)
class Asking:
    """A run whose model waits for a person's approval."""

    run: RunFacts
    asked: ApprovalRecord


@dataclass(frozen=True)
class ChampionPage:
    """All that the page shows, the newest first."""

    serving: str | None
    services: tuple[Service, ...]
    retired: Mapping[str, ServiceEntry]
    turned_down: tuple[RunFacts, ...]  # runs whose challenge was refused or not enough
    n_turned_down: int
    asking: tuple[Asking, ...]
    problem: str = ""  # why nothing is known of the champion


def make_champion_page(home: Home, runs: Iterable[RunFacts]) -> ChampionPage:
    """Read what served when and why, and which runs challenged it in vain.

    Args:
        home: The shared volume.
        runs: All runs, the newest first.
    """
    runs = list(runs)
    keys = {run.key for run in runs}
    turned_down = [run for run in runs if run.decision in ("kept", "refused")]
    challenges = tuple(turned_down[:MAX_CHALLENGES]), len(turned_down), tuple(_asking(home, runs))
    try:
        if _is_elsewhere(home):
            return ChampionPage(None, (), {}, *challenges)
        pointer, retired = read_pointer(home), retired_versions(home)
    except (CxrError, OSError, ValueError, RecursionError) as err:
        problem = err.problem.replace(f"{home.root}/", "") if isinstance(err, CxrError) else ""
        return ChampionPage(None, (), {}, *challenges, problem=problem or "It cannot be read.")
    services = [_service(home, entry, keys) for entry in reversed(pointer.history)]
    return ChampionPage(pointer.version, tuple(services), retired, *challenges)


def _asking(home: Home, runs: Iterable[RunFacts]) -> Iterator[Asking]:
    for run in runs:
        if run.decision == WAITS:
            with suppress(CxrError, OSError):  # answered or deleted meanwhile
                yield Asking(run, read_sealed_record(home.run(run.key).approval, ApprovalRecord))


def _is_elsewhere(home: Home) -> bool:
    """Return whether a link leads from the champion's folder out of the volume."""
    pointer = home.champion / "champion.json"
    return pointer.exists() and find_inside(home.champion, pointer) is None


def _service(home: Home, entry: ServiceEntry, keys: set[str]) -> Service:
    record, problem = None, ""
    place = home.champion / entry.version / VersionRecord.FILE
    try:
        if find_inside(home.champion, place):
            record = version_record(home, entry.version)
    except (CxrError, OSError, ValueError, RecursionError) as err:
        problem = err.problem if isinstance(err, CxrError) else "It cannot be read."
    run_key = run_key_of(entry.version)
    return Service(
        entry=entry,
        run_key=run_key,
        has_run=run_key in keys,
        record=record,
        problem=problem.replace(f"{home.root}/", ""),
    )
