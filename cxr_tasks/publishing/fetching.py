"""The way back: the champion's copy, checked before it gets a name; a store is not trusted."""

from hashlib import sha256
from pathlib import Path

from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.errors import ConfigError, DamagedError, PublishError
from cxr_tasks.publishing.manifest import (
    CURRENT,
    MANIFEST,
    Current,
    Manifest,
    PublishedFile,
    as_bytes,
    parse,
)
from cxr_tasks.publishing.new_folder import new_folder
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.files import writing
from cxr_tasks.volume.record_model import parse_sealed_record

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
        PublishError: The store is not reached, what it has is not what was copied there, or the
            folder cannot be made.
        ArtifactError: A newer version of the project wrote the version's record.
    """
    with new_folder(folder) as built:
        return _fetch(store, built)


def _fetch(store: Store, built: Path) -> str:
    current = parse(_require(store, CURRENT), Current, place=f"{store.address}/{CURRENT}")
    if current.version is None or current.digest is None:
        raise ConfigError(
            f"No champion serves, by {store.address}/{CURRENT}.",
            "The last one was retired; its copies are still there, below champions/.",
            "Promote another one, and publish it.",
        )
    place = f"champions/{current.version}/{current.digest}"
    manifest = _manifest(store, place, current)
    files = {each.name: _file(store, place, each) for each in manifest.files}
    _check_record(files[VersionRecord.FILE], manifest, f"{store.address}/{place}")
    for name, content in {**files, MANIFEST: as_bytes(manifest)}.items():
        with writing(built / name) as stream:
            stream.write(content)
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


def _check_record(content: bytes, manifest: Manifest, place: str) -> None:
    path = Path(VersionRecord.FILE)
    try:
        record = parse_sealed_record(content, VersionRecord, path=path)
    except DamagedError as err:
        said = err.problem.rstrip(".")
        raise _other(f"{place}/{path}", f"is no record of a champion ({said})") from err
    digests = {each.name: each.sha256 for each in manifest.files}
    if (record.version, record.outputs.get(MODEL)) != (manifest.name, digests[MODEL]):
        raise _other(place, f"has a model that its {path} is not about")


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
