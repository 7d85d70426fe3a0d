"""Why a file of a source is no candidate: counted, told, and what to do about it."""

from collections.abc import Mapping
from typing import Any

NO_CLASS = "images in no class folder"
MASK = "files in a mask folder"
TABLE = "tables, which are not read"
ARCHIVE = "archives, which are not unpacked"
HIDDEN = "hidden or system files"
OTHER = "other files that are no images by their names"
SPECIAL = "pipes or devices"
LINK_OUT = "links that lead out of the folder"
LINK_BROKEN = "links whose target cannot be reached"
LINK_CIRCLE = "links that lead in a circle"
LINK_AGAIN = "links to what is taken already"
LINK_IN_ARCHIVE = "links in the archive"
"""Each a reason as it is counted in `n_left_out_by_reason`."""

LINKS = (LINK_OUT, LINK_BROKEN, LINK_CIRCLE, LINK_AGAIN, LINK_IN_ARCHIVE)

_OLD_LINKS = "links that were not followed"

_SINGULAR = {
    NO_CLASS: "image in no class folder",
    MASK: "file in a mask folder",
    TABLE: "table, which is not read",
    ARCHIVE: "archive, which is not unpacked",
    HIDDEN: "hidden or system file",
    OTHER: "other file that is no image by its name",
    SPECIAL: "pipe or device",
    LINK_OUT: "link that leads out of the folder",
    LINK_BROKEN: "link whose target cannot be reached",
    LINK_CIRCLE: "link that leads in a circle",
    LINK_AGAIN: "link to what is taken already",
    LINK_IN_ARCHIVE: "link in the archive",
    _OLD_LINKS: "link that was not followed",
}

REMEDIES = {
    NO_CLASS: "Right where they are of another class; else correct preset or patterns.",
    MASK: "Right for masks; rename the folder where it holds radiographs.",
    TABLE: "The folders decide the class; a table of patients is given as patients=FILE.csv.",
    ARCHIVE: "Unpack them where they hold images.",
    LINK_OUT: "Set follow_links (--follow-links, FOLLOW_LINKS=1), or copy the files there.",
    LINK_BROKEN: "Fetch or mount what they lead to, or remove them.",
    LINK_CIRCLE: "Remove them.",
    LINK_IN_ARCHIVE: "Pack again without keeping links, or unpack and use source=folder.",
}
"""What to do, where there is something to do."""


def counted(n: int, reason: str) -> str:
    """Say one count: `10 links that lead out of the folder`."""
    return f"{n} {_SINGULAR.get(reason, reason) if n == 1 else reason}"


def told(n_by_reason: Mapping[str, int]) -> str:
    """Return how many files were left out and why; empty where none was."""
    return ", ".join(counted(n, reason) for reason, n in n_by_reason.items() if n)


def left_out_of(
    ingest: Mapping[str, Any], dataset: Mapping[str, Any], name: str = "dataset"
) -> dict[str, int]:
    """Read what a run's ingestion left out of a data set.

    The run's own record says it, since the data set may be of an earlier run, when other things
    lay beside the same images. Older records have two counts only.

    Args:
        ingest: The run's record of the stage.
        dataset: The data set's own.
        name: `dataset` or `external`.
    """
    by_run = ingest.get("n_left_out_by_reason") or {}
    by_reason = by_run.get(name, dataset.get("n_left_out_by_reason"))
    if isinstance(by_reason, dict):
        return by_reason
    before = {NO_CLASS: dataset.get("n_unmatched"), _OLD_LINKS: dataset.get("n_ignored_links")}
    return {reason: n for reason, n in before.items() if n}
