"""The ways back: an earlier version of the champion serves again, or none serves any more."""

from datetime import datetime

from cxr_tasks.champion.pointer import (
    PROMOTED,
    RETIRED,
    ROLLED_BACK,
    changing,
    history,
    retired_versions,
    retirement,
    serve,
    serving,
)
from cxr_tasks.champion.store import Champion, none_serves, require_champion, versions
from cxr_tasks.errors import ConfigError
from cxr_tasks.volume.files import as_unicode
from cxr_tasks.volume.paths import Home


def roll_back(home: Home, version: str | None, *, now: datetime) -> Champion:
    """Let an earlier version serve again: the one that served before, or the one that is named.

    The version that serves may be damaged or gone; the one to go back to has to be whole. One
    that was retired serves again only by its name.

    Raises:
        ConfigError: There is no such version, nothing else served before, or no version serves
            and none is named.
        ArtifactError: A file of the version to go back to is missing or damaged.
    """
    with changing(home):
        current = serving(home)
        if current is None and not (version and history(home)):
            raise none_serves(home)
        target = require_champion(home, version or _before(home, str(current)))
        if target.name != current:
            reason = _reason(home, target.name, current)
            serve(home, target.name, action=ROLLED_BACK, reason=reason, now=now)
        return target


def retire(home: Home, *, reason: str, now: datetime) -> str:
    """Let no version serve from now on, and name the one that did; it may be damaged.

    Raises:
        ConfigError: No version serves.
    """
    with changing(home):
        current = serving(home)
        if current is None:
            raise none_serves(home)
        told = as_unicode(reason).strip() or "No reason was given."
        serve(home, current, action=RETIRED, reason=told, now=now)
        return current


def _before(home: Home, current: str) -> str:
    """Find what served before the version in service was promoted, and was not retired."""
    befores = {
        entry["version"]: entry["before"] for entry in history(home) if entry["action"] == PROMOTED
    }
    retired = retired_versions(home)
    before = befores.get(current)
    while before in retired:
        before = befores.get(before)
    if before:
        return str(before)
    others = [name for name in versions(home) if name != current]
    free = [name for name in others if name not in retired]
    raise ConfigError(
        f"Nothing served before {current}" + (" that was not retired." if retired else "."),
        "A rollback without a name goes to the version that served before, never to one that was "
        f"retired. There are beside it: {', '.join(free) or 'none'}; retired: "
        f"{', '.join(name for name in others if name in retired) or 'none'}.",
        "Name one of them; to let no model serve: python -m cxr_tasks champion --retire."
        if others
        else "To let no model serve: python -m cxr_tasks champion --retire.",
    )


def _reason(home: Home, target: str, current: str | None) -> str:
    since = retirement(home)
    opening = (
        f"Rolled back from {current}." if since is None else f"{since['version']} was retired."
    )
    again = retired_versions(home).get(target)
    return opening if again is None else f"{opening} Retired on {again['at']}, it serves again."
