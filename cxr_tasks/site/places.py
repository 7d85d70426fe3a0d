"""Which files may be shown: those that lie in the folder they are asked for in."""

from hashlib import sha256
from pathlib import Path

from cxr_tasks.errors import CxrError
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import find_record

PAGE = "index.html"


def find_inside(folder: Path, path: Path) -> Path | None:
    """Follow links to a file; None where it is none, or lies outside `folder`.

    The folder's own name is taken as it is: if it is a link, nothing in it counts.
    """
    real = path.resolve()
    inside = folder.parent.resolve() / folder.name
    return real if real.is_relative_to(inside) and real.is_file() else None


def report_page(run: RunPaths) -> Path | None:
    """Find a run's report."""
    return find_inside(run.root, run.report / PAGE)


def is_damaged(run: RunPaths, page: bytes) -> bool:
    """Say whether a report is not the page that its record tells of."""
    try:
        record = find_record(run.report, "report")
    except CxrError:
        return True
    return record is not None and record["outputs"].get(PAGE) != sha256(page).hexdigest()


def scores_page(home: Home, name: str) -> Path | None:
    """Find the result page of one batch of scored images.

    Raises:
        ConfigError: The name could not be one folder's name.
    """
    folder = home.scores(name)
    return find_inside(folder, folder / PAGE)
