"""The notes of all runs; what has not changed since the last look is not read again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cxr_tasks.errors import CxrError
from cxr_tasks.runs.notes import NoteRecord, note_file, read_note
from cxr_tasks.site.run_facts import RunFacts, Said
from cxr_tasks.volume.paths import Home

CLOCKS_SECONDS = 3600.0
"""By how much the clocks of two machines may differ."""


@dataclass(frozen=True)
class _Read:
    stamp: tuple[int, int]
    said: Said | None


class Notes:
    """The notes of one shared volume.

    Args:
        home: The shared volume; it may not exist yet.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._read: dict[str, _Read] = {}

    def read(self) -> Mapping[str, Said]:
        """Return what was said of each run that anything was said of."""
        now: dict[str, _Read] = {}
        for key, stamp in _stamps(self.home).items():
            before = self._read.get(key)
            same = before is not None and before.stamp == stamp
            now[key] = before if before and same else _Read(stamp, _said(self.home, key))
        self._read = now
        return {key: read.said for key, read in now.items() if read.said}


def with_note(facts: RunFacts, notes: Mapping[str, Said]) -> RunFacts:
    """Add to a run what was said of it; of an earlier run of the same name it was not."""
    said = notes.get(facts.key)
    return replace(facts, said=said) if said and is_of_run(said, facts) else facts


def is_of_run(said: Said, facts: RunFacts) -> bool:
    """Return whether something was said since a run began, by clocks that may differ."""
    return said.seconds >= facts.started - CLOCKS_SECONDS


def is_of_earlier_run(note: NoteRecord, facts: RunFacts) -> bool:
    """Return whether a note is older than a run, and so was said of another one of its name."""
    said = said_of(note)
    return said is not None and not is_of_run(said, facts)


def said_of(record: NoteRecord) -> Said | None:
    """Return a note as pages show it; None where it is empty."""
    try:
        seconds = datetime.fromisoformat(record.at).timestamp()
    except (ValueError, OverflowError):
        return None
    if not (record.text or record.tags):
        return None
    return Said(record.text, tuple(record.tags), record.by, record.at, seconds)


def _said(home: Home, key: str) -> Said | None:
    """Read a note; one that cannot be read is told where it is opened."""
    try:
        record = read_note(home, key)
        return said_of(record) if record else None
    except (CxrError, OSError, ValueError):
        return None


def _stamps(home: Home) -> dict[str, tuple[int, int]]:
    found = {}
    try:
        entries = list(os.scandir(home.notes))
    except OSError:  # nobody has said anything
        return {}
    for entry in entries:
        key = entry.name.removesuffix(".json")
        try:
            note_file(home, key)
            if entry.name == key or not entry.is_file(follow_symlinks=False):
                continue
            status = entry.stat(follow_symlinks=False)
        except (CxrError, OSError):  # not a run's, or gone
            continue
        found[key] = (status.st_mtime_ns, status.st_size)
    return found
