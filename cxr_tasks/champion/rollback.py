"""The way back: an earlier version of the champion serves again."""

from datetime import datetime

from cxr_tasks.champion.pointer import PROMOTED, ROLLED_BACK, changing, history, serve, serving
from cxr_tasks.champion.store import Champion, none_yet, require_champion, versions
from cxr_tasks.errors import ConfigError
from cxr_tasks.paths import Home


def roll_back(home: Home, version: str | None, *, now: datetime) -> Champion:
    """Let an earlier version serve again: the one that served before, or the one that is named.

    The version that serves may be damaged or gone; the one to go back to has to be whole.

    Raises:
        ConfigError: There is no such version, or nothing served before.
        ArtifactError: A file of the version to go back to is missing or damaged.
    """
    with changing(home):
        current = serving(home)
        if current is None:
            raise none_yet(home)
        target = require_champion(home, version or _before(home, current))
        if target.name != current:
            reason = f"Rolled back from {current}."
            serve(home, target.name, action=ROLLED_BACK, reason=reason, now=now)
        return target


def _before(home: Home, current: str) -> str:
    """Find what served before the version in service was last promoted."""
    for entry in reversed(history(home)):
        if entry["version"] == current and entry["action"] == PROMOTED:
            if entry["before"]:
                return str(entry["before"])
            break
    raise ConfigError(
        f"Nothing served before {current}.",
        "A rollback goes to a version that served earlier.",
        f"Name another version: {', '.join(versions(home))}.",
    )
