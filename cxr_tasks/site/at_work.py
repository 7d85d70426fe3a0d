"""Which of many runs a process works on: their locks show it, since a lock dies with its holder."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.locks import is_locked
from cxr_tasks.volume.paths import STAGES, Home
from cxr_tasks.watching.watch import was_just_seen

_LOCK = re.compile(
    rf"run-(?P<key>.+)-(?:{'|'.join(('start', 'failure', *STAGES))})"
    rf"(?:-(?:{'|'.join(VARIANTS)})(?:-fold-\d+)?)?\.lock"
)


def runs_at_work(home: Home, runs: Iterable[RunFacts], *, now: float) -> frozenset[str]:
    """Return the names of those runs that a process works on; the locks are listed once."""
    runs = list(runs)
    locks = _locks_by_run(home.locks) if runs else {}
    return frozenset(
        facts.key
        for facts in runs
        if _was_seen(facts, now) or any(is_locked(path) for path in locks.get(facts.key, ()))
    )


def _was_seen(facts: RunFacts, now: float) -> bool:
    seen = facts.last_sign.at if facts.last_sign else facts.started
    return was_just_seen(seen, now=now)


def _locks_by_run(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208 - thousands of names, of which few are needed
    except OSError:
        return {}
    for name in names:
        if match := _LOCK.fullmatch(name):
            found.setdefault(match["key"], []).append(folder / name)
    return found
