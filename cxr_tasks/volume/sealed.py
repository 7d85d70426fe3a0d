"""JSON files that state their own schema version, and whether a bit of them has changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.files import as_json, digest_of, read_json, write_json
from cxr_tasks.volume.migrations import MIGRATIONS

SCHEMA_VERSION = 3
"""Of everything this version of the project writes; the digest is taken alike in all from 2 on."""

Content = dict[str, Any]

_VERSION, _SEAL = "schema_version", "content_sha256"


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file in one step, with the schema version and a digest of its content."""
    # as a reader will see it: without tuples, and with every key a text
    stated = as_json({_VERSION: SCHEMA_VERSION, **content})
    write_json(path, stated | {_SEAL: digest_of(stated)})


def read_sealed(path: Path) -> Content:
    """Read what `write_sealed` wrote, in this version's form, without the digest.

    What an older version of the project wrote is migrated as it is read; the file stays as it is.

    Raises:
        DamagedError: The file is not what was written.
        ArtifactError: The file is missing, or a newer version of the project wrote it.
    """
    return unseal(read_json(path), path)


def unseal(content: Content, path: Path) -> Content:
    """Check and migrate what a sealed file holds, whose name is for the error.

    Raises:
        DamagedError: It is not what was written.
        ArtifactError: A newer version of the project wrote it.
    """
    seal = content.pop(_SEAL, None)
    version: Any = content.get(_VERSION)
    if not _is_plausible(version, seal) or (seal is not None and seal != digest_of(content)):
        raise DamagedError(
            f"{path} is not what was written: its content does not match its digest.",
            "It is written in one step with a digest of its content, and never changed.",
            "Run again what made it: that makes it anew.",
        )
    if version > SCHEMA_VERSION:
        raise ArtifactError(
            f"{path} has schema version {version}.",
            f"This version of the project reads schema versions up to {SCHEMA_VERSION}.",
            "Use the version that wrote it, or start a new run.",
        )
    for older in range(version, SCHEMA_VERSION):
        content = MIGRATIONS[older](content) | {_VERSION: older + 1}
    return content


def _is_plausible(version: object, seal: str | None) -> bool:
    """Return whether there is such a version, and a digest if it has one."""
    if type(version) is not int or version < 1:
        return False
    return seal is not None or version == 1 or version > SCHEMA_VERSION
