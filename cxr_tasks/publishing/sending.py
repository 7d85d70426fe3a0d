"""Copies made in an object store: what is there already is found, not sent again."""

from hashlib import sha256

from cxr_tasks.champion.pointer import read_pointer
from cxr_tasks.errors import PublishError
from cxr_tasks.publishing.content import Copy, copy_of_champion, copy_of_report
from cxr_tasks.publishing.manifest import CURRENT, MANIFEST, Current, as_bytes
from cxr_tasks.publishing.store import REMEDY, Store
from cxr_tasks.runs.start import open_run
from cxr_tasks.runs.unchanged import reason, unchanged_since
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import Home, RunPaths


def publish_report(run: RunPaths, store: Store) -> str:
    """Copy a run's report.

    Returns:
        A sentence about it.

    Raises:
        PublishError: The store is not reached, does not take it, or has something else there.
        CxrError: The report is not finished, or damaged.
    """
    if earlier := unchanged_since(run):
        return f"no report to copy. {reason(earlier)}"
    with volume_in_use(run.home), locked(run.lock("publish")):
        open_run(run.home, run.key)  # it may have been removed meanwhile
        place, sent = _send(copy_of_report(run), store)
    return f"the report is {_how(sent)} {store.address}/{place}"


def publish_champion(home: Home, store: Store) -> str:
    """Copy the version of the champion that serves, and let the pointer there name it.

    The pointer is the one object that ever changes: it is small, replaced whole, and says nothing
    but which copy serves. Publishers of one volume come one after another, so that it never goes
    back to what served before.

    Returns:
        A sentence about it.

    Raises:
        PublishError: The store is not reached, does not take it, or has something else there.
        CxrError: The champion is damaged.
    """
    with volume_in_use(home), locked(home.locks / "publish-champion.lock"):
        pointer = read_pointer(home)
        if pointer.version is None:
            if store.read(CURRENT, max_bytes=0) is not None:
                _point(store, Current(version=None, digest=None, since=pointer.since))
            return "no champion serves"
        place, sent = _send(copy_of_champion(home, pointer.version), store)
        digest = place.rpartition("/")[2]
        _point(store, Current(version=pointer.version, digest=digest, since=pointer.since))
    return f"the champion is {_how(sent)} {store.address}/{place}"


def _send(copy: Copy, store: Store) -> tuple[str, bool]:
    """Make a copy, or complete one that was interrupted; return its place and whether it is new.

    Raises:
        PublishError: There is a manifest that is another one.
    """
    manifest = as_bytes(copy.manifest)
    place = f"{copy.manifest.kind}/{copy.manifest.name}/{sha256(manifest).hexdigest()}"
    there = store.read(f"{place}/{MANIFEST}", max_bytes=len(manifest))
    if there == manifest:
        return place, False
    if there is not None:
        raise PublishError(
            f"{store.address}/{place}/{MANIFEST} is not what was to be written there.",
            "Its folder is named by the manifest's digest, so nothing else belongs there, and "
            "nothing is overwritten.",
            f"Look who writes there, and remove that folder. {REMEDY}",
        )
    for name, content in copy.files.items():
        if store.read(f"{place}/{name}", max_bytes=len(content)) != content:
            store.write(f"{place}/{name}", content)
    store.write(f"{place}/{MANIFEST}", manifest)
    return place, True


def _point(store: Store, current: Current) -> None:
    content = as_bytes(current)
    if store.read(CURRENT, max_bytes=len(content)) != content:
        store.write(CURRENT, content)


def _how(sent: bool) -> str:
    return "copied to" if sent else "there already:"
