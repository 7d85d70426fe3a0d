"""How what killed work left is named, and whose it was."""

import re

_PATTERNS = (
    # files.py: a folder being built, one set aside, a file being written; freeing.py: removed
    re.compile(r"\.(?P<owner>.+)\.(?:(?:building|writing|removed)-[a-z0-9_]{8}|replaced)"),
    # a file being written, as earlier versions of the project named it
    re.compile(r"\.(?P<owner>.+\.(?:json|html|md|npz))\.[a-z0-9_]{8}"),
)

REMOVED = "removed"
"""In the name of what `space --free` is deleting."""


def is_leftover(name: str) -> bool:
    """Say whether a file or folder is named as unfinished or removed work is."""
    return owner_of(name) is not None


def owner_of(name: str) -> str | None:
    """Name the file or folder that it was to be, or was; None where it is no leftover."""
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(name):
            return match["owner"]
    return None
