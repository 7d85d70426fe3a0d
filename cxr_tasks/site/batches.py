"""Batches of images that the champion has scored, and the files of one that are shown."""

from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.champion.scores_record import ScoresRecord
from cxr_tasks.errors import ArtifactError, ConfigError, CxrError
from cxr_tasks.site.inside import checked_output, read_if_there
from cxr_tasks.site.reading import PAGE, scores_page
from cxr_tasks.volume.paths import Home, find_inside
from cxr_tasks.volume.record_model import read_sealed_record

TABLE = "scores.csv"


@dataclass(frozen=True)
class Batch:
    """One scored batch; `record` is None where it cannot be read, `problem` says why."""

    name: str
    record: ScoresRecord | None
    problem: str = ""


def read_batches(home: Home) -> list[Batch]:
    """Read every batch, the one scored last first; those that cannot be read stand last."""
    folder = home.root / "scores"
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            place = home.scores(path.name)
        except ConfigError:  # no batch can have this name
            continue
        if place.is_dir() and not place.is_symlink():
            found.append(_read(place))
    return sorted(found, key=lambda batch: batch.record.scored_at if batch.record else "")[::-1]


def read_scores_table(home: Home, name: str) -> bytes | None:
    """Read a batch's `scores.csv`, its digest checked; None where there is none.

    Raises:
        ConfigError: The name could not be one folder's name.
        ArtifactError: It is not what was written.
    """
    folder = home.scores(name)
    if folder.is_symlink():
        return None
    return checked_output(folder, folder / ScoresRecord.FILE, TABLE)


def read_scores_page(home: Home, name: str) -> bytes | None:
    """Read a batch's page, its digest checked where a record states one; None where there is none.

    Raises:
        ConfigError: The name could not be one folder's name.
        ArtifactError: It is not what was written, or cannot be read here.
    """
    page = scores_page(home, name)
    if page is None:
        return None
    folder = home.scores(name)
    if find_inside(folder, folder / ScoresRecord.FILE) is None:
        return read_if_there(page)
    return checked_output(folder, folder / ScoresRecord.FILE, PAGE)


def find_run_of_batch(home: Home, name: str) -> str:
    """Return the run that trained the model which scored a batch; empty where it is gone."""
    record = _read(home.scores(name)).record
    try:
        has_run = record is not None and home.run(record.champion.run_key).root.is_dir()
    except ConfigError:  # no run can have this name
        return ""
    return record.champion.run_key if record is not None and has_run else ""


def _read(folder: Path) -> Batch:
    try:
        real = find_inside(folder, folder / ScoresRecord.FILE)
        if real is None:
            return Batch(folder.name, None, "score.json is missing: it was not finished.")
        return Batch(folder.name, read_sealed_record(real, ScoresRecord))
    except (CxrError, OSError, ValueError, RecursionError) as err:
        what = err.problem if isinstance(err, ArtifactError) else "score.json cannot be read."
        return Batch(folder.name, None, what.replace(f"{folder}/", ""))
