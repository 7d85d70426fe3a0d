"""A damaged champion made again: a version from its run, the pointer from the versions."""

from datetime import datetime

from cxr_tasks.champion.eligibility import open_challenger
from cxr_tasks.champion.pointer import PROMOTED, changing, history, is_whole, write_history
from cxr_tasks.champion.store import folders, none_yet, open_version
from cxr_tasks.champion.trial import Decision
from cxr_tasks.champion.version import make_version
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.paths import Home, RunPaths
from cxr_tasks.records import Note, Record
from cxr_tasks.settings import RunConfig


def restore_version(run: RunPaths, config: RunConfig, promotion: Record, *, note: Note) -> None:
    """Make the version that a run has promoted again where it is damaged.

    Args:
        run: The run.
        config: Its configuration.
        promotion: The record of its stage `promote`, whole, which names the version.
        note: Told if there was something to make.

    Raises:
        ArtifactError: A file of the run is damaged too.
    """
    version = promotion["version"]
    with changing(run.home):
        try:
            open_version(run.home, version)
        except DamagedError as err:
            note(f"{err.problem} It is made again from the run.")
        else:
            return
        make_version(
            open_challenger(run, config),
            Decision("promoted", promotion["reason"], promotion["comparison"]),
            before=promotion["champion_before"],
            now=_promoted_at(run.home, version),
            compared=run.promote,
            note=note,
            name=version,
        )


def restore_pointer(home: Home) -> str:
    """Write `champion.json` anew where it is damaged or gone: the newest version serves.

    The history is put together from what the versions say of their promotions; rollbacks are not
    among it.

    Returns:
        The version that serves.

    Raises:
        ConfigError: The pointer is whole, or there is no version.
    """
    with changing(home):
        if is_whole(home):
            raise ConfigError(
                f"{home.champion / 'champion.json'} is whole.",
                "It is only made again where it is damaged or gone.",
                "To let an earlier version serve: python -m cxr_tasks champion --roll-back.",
            )
        records = [open_version(home, name).record for name in folders(home)]
        if not records:
            raise none_yet(home)
        write_history(
            home,
            [
                {
                    "at": record["promoted_at"],
                    "action": PROMOTED,
                    "version": record["version"],
                    "before": record["champion_before"],
                    "reason": record["decision_reason"],
                }
                for record in records
            ],
        )
        return str(records[-1]["version"])


def _promoted_at(home: Home, version: str) -> datetime:
    at = next(
        entry["at"]
        for entry in history(home)
        if entry["version"] == version and entry["action"] == PROMOTED
    )
    return datetime.fromisoformat(at)
