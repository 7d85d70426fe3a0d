"""What a copy consists of: written last, so that what has no manifest is no copy.

A copy's folder has the digest of its manifest for a name, and the manifest has those of the files.
So every name follows from content, and whoever writes there twice writes the same.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from cxr_tasks.champion.pointer_record import VersionName
from cxr_tasks.errors import PublishError
from cxr_tasks.volume.record_model import Facts

MANIFEST, CURRENT = "manifest.json", "champions/current.json"

Kind = Literal["runs", "champions"]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

_MAX_FILE_BYTES = 2_000_000_000


class PublishedFile(Facts):
    """A file of a copy."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    size_bytes: int = Field(ge=0, le=_MAX_FILE_BYTES)
    sha256: Digest


class Manifest(Facts):
    """A finished copy."""

    format: Literal[1]
    about: str
    kind: Kind
    name: str
    """Of the run, or of the champion's version."""
    record_sha256: Digest
    """Of `report.json` or `version.json` as it lies on the volume."""
    files: list[PublishedFile]


class Current(Facts):
    """Which copy of a champion serves; none where the last one was retired."""

    version: VersionName | None
    digest: Digest | None
    since: str | None
    """ISO 8601."""


FactsT = TypeVar("FactsT", bound=Facts)


def make_manifest(
    kind: Kind, name: str, *, files: Mapping[str, bytes], record_sha256: str
) -> Manifest:
    """Describe files that are to be copied."""
    return Manifest(
        format=1,
        about="Research software, no medical device.",
        kind=kind,
        name=name,
        record_sha256=record_sha256,
        files=[
            PublishedFile(name=each, size_bytes=len(content), sha256=sha256(content).hexdigest())
            for each, content in sorted(files.items())
        ],
    )


def as_bytes(facts: Facts) -> bytes:
    """Return the JSON of a manifest or pointer: of equal content the same bytes."""
    return (json.dumps(facts.content(), indent=2, sort_keys=True) + "\n").encode()


def parse(content: bytes, model: type[FactsT], *, place: str) -> FactsT:
    """Check a manifest or pointer that comes from a store.

    Raises:
        PublishError: It is none.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as err:
        wrong = ", ".join(".".join(map(str, each["loc"])) or "it" for each in err.errors()[:5])
        raise PublishError(
            f"{place} is not what this project writes; wrong in it: {wrong}.",
            "It is written whole by publishing, and by nothing else.",
            "Look who else writes there. To write it anew, remove it and publish again.",
        ) from err
