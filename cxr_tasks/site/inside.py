"""Files that are read only where they lie in the folder they should lie in, and whole."""

from hashlib import sha256
from pathlib import Path

from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.paths import find_inside
from cxr_tasks.volume.sealed import read_sealed


class UnreadableError(ArtifactError):
    """A file is there and cannot be read: which says nothing about whether it is whole."""


def checked_output(root: Path, record: Path, file: str) -> bytes | None:
    """Read a finished file, its digest checked; None where it or its record is not there.

    Args:
        root: Out of which no link may lead.
        record: The record of the folder that holds the file.
        file: Its path in that folder.

    Raises:
        ArtifactError: The record or the file is not what was written, or may not be read here.
    """
    real, path = find_inside(root, record), find_inside(root, record.parent / file)
    if real is None or path is None or (content := read_if_there(path)) is None:
        return None
    outputs = read_sealed(real).get("outputs")
    digest = outputs.get(file) if isinstance(outputs, dict) else None
    if digest != sha256(content).hexdigest():
        raise DamagedError(
            f"{path} is not what was written: it does not match its digest.",
            f"{record.name} states the digest of every file in its folder.",
            "Run again what made it: that makes it anew.",
        )
    return content


def read_if_there(path: Path) -> bytes | None:
    """Read a file; None where it was deleted since it was found.

    Raises:
        UnreadableError: This process may not read it, or its disk does not give it.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise UnreadableError(
            f"{path.name} cannot be read here ({err.strerror}).",
            "These pages are made by a server, whose user has to be able to read the volume.",
            "Let that user read the folder, or look into the server's log for its disk.",
        ) from err


def is_unreadable(err: BaseException | None) -> bool:
    """Return whether it is for want of the right to read that something was not read."""
    while err is not None:
        if isinstance(err, UnreadableError | PermissionError):
            return True
        err = err.__cause__
    return False
