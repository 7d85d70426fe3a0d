"""All runs of a shared volume; what has not changed since the last look is not read again."""

import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.site.at_work import runs_at_work
from cxr_tasks.site.note_facts import Notes, with_note
from cxr_tasks.site.reading import read_retired, read_run, report_problem, with_retirement
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.volume.paths import Home, RunPaths

_Stamp = tuple[tuple[int, int], ...]


class Library:
    """The runs of one shared volume.

    Args:
        home: The shared volume; it may not exist yet.
        clock: Tells the time, in seconds since 1970.
    """

    def __init__(self, home: Home, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.clock = clock
        self._read: dict[str, tuple[_Stamp, RunFacts]] = {}
        self._checked: dict[str, _Stamp] = {}  # whose report's digest was looked at, and when
        self._notes = Notes(home)

    def runs(self) -> list[RunFacts]:
        """Return every run, the newest first, the digest of every report checked."""
        self.check(self.glance())
        return self.glance()

    def glance(self) -> list[RunFacts]:
        """Return every run, the newest first, some of their reports' digests not yet checked.

        To choose by: what is shown of them goes through `check`.
        """
        found = [facts for run in _find_runs(self.home) if (facts := self._facts(run))]
        keys = {facts.key for facts in found}
        self._read = {key: read for key, read in self._read.items() if key in keys}
        retired, notes = read_retired(self.home), self._notes.read()
        unfinished = [facts for facts in found if not facts.report and not facts.unchanged_since]
        working = runs_at_work(self.home, unfinished, now=self.clock())
        found = [with_note(with_retirement(facts, retired), notes) for facts in found]
        found = [replace(each, at_work=True) if each.key in working else each for each in found]
        return sorted(found, key=lambda facts: (facts.started, facts.key), reverse=True)

    def check(self, runs: Iterable[RunFacts]) -> bool:
        """Check the digests of these runs' reports; return whether all are as they were written.

        What is not is remembered: the next look shows its run as damaged.
        """
        found = [self._check(facts) for facts in runs if facts.report]
        return all(found)

    def find(self, key: str) -> RunFacts | None:
        """Return one run, its report's digest checked; None where there is none of this name.

        Raises:
            ConfigError: The name could not be a run's.
        """
        run = self.home.run(key)
        facts = self._facts(run) if _is_folder(run.root) else None
        if facts is None:
            return None
        if facts.report and not self._check(facts):
            return self.find(key)
        return with_note(with_retirement(facts, read_retired(self.home)), self._notes.read())

    def _facts(self, run: RunPaths) -> RunFacts | None:
        stamp = _stamp(run)
        before = self._read.get(run.key)
        if before is not None and before[0] == stamp:
            return before[1]
        try:
            facts = read_run(run)
        except FileNotFoundError:  # deleted meanwhile
            return None
        except OSError as err:  # which costs its own row only
            facts = RunFacts(run.key, stamp[0][0] / 1e9, problem=f"It is not read: {err.strerror}.")
        self._read[run.key] = (stamp, facts)
        return facts

    def _check(self, facts: RunFacts) -> bool:
        read = self._read.get(facts.key)
        if read is None or self._checked.get(facts.key) == read[0]:
            return True
        problem = report_problem(self.home.run(facts.key))
        self._checked[facts.key] = read[0]
        if problem:
            damaged = replace(read[1], report=None, problem=read[1].problem or problem)
            self._read[facts.key] = (read[0], damaged)
        return not problem


def _find_runs(home: Home) -> list[RunPaths]:
    """Find the folders of runs; a name that no run can have is none's."""
    folder = home.root / "runs"
    runs = []
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            run = home.run(path.name)
        except ConfigError:
            continue
        if _is_folder(path):
            runs.append(run)
    return runs


def _is_folder(path: Path) -> bool:
    """Return whether this is a folder itself; a link may lead anywhere."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _stamp(run: RunPaths) -> _Stamp:
    """Return when what is read was last changed; failures come and go in their folders."""
    return tuple(
        _file_stamp(path)
        for path in (
            run.root,
            run.root / "train",
            run.config,
            run.progress,
            run.report / "report.json",
            run.ingest / "ingest.json",
            run.promote / "promote.json",
            run.approval,
        )
    )


def _file_stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size
