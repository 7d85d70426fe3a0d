"""The way back: the champion's copy, checked before it gets a name; a store is not trusted."""

from hashlib import sha256
from pathlib import Path

from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.errors import ConfigError, PublishError
from cxr_tasks.publishing.manifest import (
    CURRENT,
    MANIFEST,
    Current,
    Manifest,
    PublishedFile,
    as_bytes,
    parse,
)
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.files import building
from cxr_tasks.volume.record_model import read_sealed_record

MODEL = "model.keras"
_MAX_JSON_BYTES = 1_000_000


def fetch_champion(store: Store, folder: Path) -> str:
    """Bring the champion that serves, by the store's pointer, into a new folder.

    Digests show damage, and what was exchanged in part; whoever may write to the store could
    exchange all of it at once.

    Args:
        store: Where the copies are.
        folder: Whole or absent afterwards.

    Returns:
        The version's name.

    Raises:
        ConfigError: There is such a folder, or no champion serves.
        PublishError: The store is not reached, or what it has is not what was copied there.
        DamagedError: The version's record is not what was written.
    """
    if folder.exists() or folder.is_symlink():
        raise ConfigError(
            f"{folder} exists.",
            "The champion is brought into a folder that is new, so that nothing is mixed or lost.",
            "Name another one with --fetch, or remove it.",
        )
    current = parse(_require(store, CURRENT), Current, place=f"{store.address}/{CURRENT}")
    if current.version is None or current.digest is None:
        raise ConfigError(
            f"No champion serves, by {store.address}/{CURRENT}.",
            "The last one was retired; its copies are still there, below champions/.",
            "Promote another one, and publish it.",
        )
    place = f"champions/{current.version}/{current.digest}"
    manifest = _manifest(store, place, current)
    with building(folder) as built:
        for each in manifest.files:
            (built / each.name).write_bytes(_file(store, place, each))
        (built / MANIFEST).write_bytes(as_bytes(manifest))
        _check_record(built, manifest, f"{store.address}/{place}")
    return current.version


def _manifest(store: Store, place: str, current: Current) -> Manifest:
    name = f"{place}/{MANIFEST}"
    content = _require(store, name)
    if sha256(content).hexdigest() != current.digest:
        raise _other(f"{store.address}/{name}", "does not have the digest of its folder")
    manifest = parse(content, Manifest, place=f"{store.address}/{name}")
    if (manifest.kind, manifest.name) != ("champions", current.version):
        raise _other(f"{store.address}/{name}", f"is of another copy, {manifest.name}")
    if sorted(each.name for each in manifest.files) != [MODEL, VersionRecord.FILE]:
        raise _other(f"{store.address}/{name}", f"names other files than {MODEL} and its record")
    return manifest


def _file(store: Store, place: str, file: PublishedFile) -> bytes:
    name = f"{place}/{file.name}"
    content = store.read(name, max_bytes=file.size_bytes)
    if content is None:
        raise _other(f"{store.address}/{name}", "is missing")
    if len(content) != file.size_bytes or sha256(content).hexdigest() != file.sha256:
        raise _other(f"{store.address}/{name}", "has another size or digest than its manifest says")
    return content


def _check_record(built: Path, manifest: Manifest, place: str) -> None:
    record = read_sealed_record(built / VersionRecord.FILE, VersionRecord)
    digests = {each.name: each.sha256 for each in manifest.files}
    if (record.version, record.outputs.get(MODEL)) != (manifest.name, digests[MODEL]):
        raise _other(place, "has a model that its version.json is not about")


def _require(store: Store, name: str) -> bytes:
    content = store.read(name, max_bytes=_MAX_JSON_BYTES)
    if content is None:
        raise PublishError(
            f"{store.address}/{name} does not exist.",
            "A champion's copy counts once its manifest is there, and is found by the pointer.",
            "Publish it first: python -m cxr_tasks publish.",
        )
    return content


def _other(place: str, what: str) -> PublishError:
    return PublishError(
        f"{place} {what}.",
        "A copy never changes once its manifest is written.",
        "Look who else writes there; remove that folder, and publish the champion again.",
    )
