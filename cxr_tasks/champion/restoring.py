"""A damaged champion made again: a version from its run, the pointer from the versions."""

from collections.abc import Iterator
from datetime import UTC, datetime

from cxr_tasks.champion.eligibility import open_challenger
from cxr_tasks.champion.pointer import (
    PROMOTED,
    Entry,
    changing,
    find_copy,
    history,
    is_whole,
    serve,
    serving,
    write_history,
)
from cxr_tasks.champion.store import folders, none_yet, open_version, version_record
from cxr_tasks.champion.trial import Decision
from cxr_tasks.champion.version import make_version
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.records import Note, Record


def restore_version(run: RunPaths, config: RunConfig, promotion: Record, *, note: Note) -> None:
    """Make the version that a run has promoted again where it is damaged or gone.

    Where all that was known of the champion is gone, the version serves again.

    Args:
        run: The run.
        config: Its configuration.
        promotion: The record of its stage `promote`, whole, which names the version.
        note: Told if there was something to make, or why it is not made.

    Raises:
        ArtifactError: A file of the run is damaged too.
    """
    home, version = run.home, promotion["version"]
    with changing(home):
        try:
            open_version(home, version)
        except DamagedError as err:
            problem = err.problem
        else:
            return
        promoted_at = _promoted_at(home, version)
        if promoted_at is None and history(home):
            note(
                warning(f"{problem} It is not made again: the champion's history does not know it.")
            )
            return
        note(warning(f"{problem} It is made again from the run."))
        at, reason = promoted_at or datetime.now(UTC), promotion["reason"]
        make_version(
            open_challenger(run, config),
            Decision("promoted", reason, promotion["comparison"]),
            before=promotion["champion_before"],
            now=at,
            compared=run.promote,
            note=note,
            name=version,
        )
        if promoted_at is None:
            serve(home, version, action=PROMOTED, reason=reason, now=at)


def restore_pointer(home: Home, *, note: Note) -> str | None:
    """Write `champion.json` anew where it is damaged or gone, as its copy says.

    Where the copy is damaged or gone too, the newest version serves: the history is put together
    from what the versions say of their promotions; rollbacks and retirements are not among it. A
    version with a damaged file is made again afterwards, by its run's `promote`.

    Args:
        home: The shared volume.
        note: Told which versions are left out, since their records are damaged, and what is not
            known any more.

    Returns:
        The version that serves; None where it was retired.

    Raises:
        ConfigError: The pointer is whole, or there is no version whose record is.
    """
    with changing(home):
        if is_whole(home):
            raise ConfigError(
                f"{home.champion / 'champion.json'} is whole.",
                "It is only made again where it is damaged or gone.",
                "To let an earlier version serve: python -m cxr_tasks champion --roll-back.",
            )
        entries, challenges = find_copy(home) or (_promotions(home, note), None)
        write_history(home, entries, challenges=challenges)
        return serving(home)


def _promotions(home: Home, note: Note) -> list[Entry]:
    """Build a history from the versions' own records."""
    records = list(_records(home, note))
    if not records:
        raise none_yet(home)
    note(
        "The copy of champion.json is damaged or gone too. What was rolled back or retired is not "
        "known any more, nor are challenges of runs that are deleted: look whether the newest "
        "version is the one that should serve."
    )
    return [
        {
            "at": record["promoted_at"],
            "action": PROMOTED,
            "version": record["version"],
            "before": record["champion_before"],
            "reason": record["decision_reason"],
        }
        for record in records
    ]


def _records(home: Home, note: Note) -> Iterator[Record]:
    for name in folders(home):
        try:
            yield version_record(home, name)
        except DamagedError as err:
            note(warning(f"Left out: {err.problem}"))


def _promoted_at(home: Home, version: str) -> datetime | None:
    """Say when a version was promoted; None where the history does not know it."""
    for entry in history(home):
        if entry["version"] == version and entry["action"] == PROMOTED:
            return datetime.fromisoformat(entry["at"])
    return None
