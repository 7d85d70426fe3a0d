"""All runs of a shared volume; what has not changed since the last look is not read again."""

from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.site.reading import read_retired, read_run, with_retirement
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.volume.paths import Home, RunPaths

_Stamp = tuple[tuple[int, int], ...]


class Library:
    """The runs of one shared volume.

    Args:
        home: The shared volume; it may not exist yet.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._read: dict[str, tuple[_Stamp, RunFacts]] = {}

    def runs(self) -> list[RunFacts]:
        """Return every run, the newest first."""
        found = [facts for run in _find_runs(self.home) if (facts := self._facts(run))]
        keys = {facts.key for facts in found}
        self._read = {key: read for key, read in self._read.items() if key in keys}
        retired = read_retired(self.home)
        found = [with_retirement(facts, retired) for facts in found]
        return sorted(found, key=lambda facts: (facts.started, facts.key), reverse=True)

    def find(self, key: str) -> RunFacts | None:
        """Return one run; None where there is none of this name.

        Raises:
            ConfigError: The name could not be a run's.
        """
        run = self.home.run(key)
        facts = self._facts(run) if _is_folder(run.root) else None
        return with_retirement(facts, read_retired(self.home)) if facts else None

    def _facts(self, run: RunPaths) -> RunFacts | None:
        stamp = _stamp(run)
        before = self._read.get(run.key)
        if before is not None and before[0] == stamp:
            return before[1]
        try:
            facts = read_run(run)
        except FileNotFoundError:  # deleted meanwhile
            return None
        self._read[run.key] = (stamp, facts)
        return facts


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
    return path.is_dir() and not path.is_symlink()


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
        )
    )


def _file_stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size
