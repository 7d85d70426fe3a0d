"""A folder of the user's that is new: whole or absent, and nothing that is there is touched.

It may lie anywhere, and no lock keeps others from it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_tasks.errors import ConfigError, PublishError


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Build a folder beside its place, which it takes when the block ends without error.

    Raises:
        ConfigError: There is something in its place, by then or already.
        PublishError: It cannot be made or written.
    """
    try:
        if folder.is_symlink() or folder.exists():
            raise _exists(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.fetching-"))
        try:
            built = beside / folder.name  # which anybody may read who may in this place
            built.mkdir()
            yield built
            _take_place(built, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as err:
        raise PublishError(
            f"The folder {folder} cannot be made ({err.strerror or type(err).__name__}).",
            "The copy is brought into a new folder, in a place that can be written and has room.",
            "Name another one with --fetch, or mend that.",
        ) from err


def _take_place(built: Path, folder: Path) -> None:
    """Rename a finished folder to a name that nothing has: a rename alone replaces empty folders.

    What somebody puts into the folder that holds the name for a moment makes the rename fail.
    """
    try:
        folder.mkdir()
    except FileExistsError as err:
        raise _exists(folder) from err
    built.rename(folder)


def _exists(folder: Path) -> ConfigError:
    return ConfigError(
        f"{folder} exists.",
        "The champion is brought into a folder that is new, so that nothing is mixed or lost.",
        "Name another one with --fetch, or remove it.",
    )
