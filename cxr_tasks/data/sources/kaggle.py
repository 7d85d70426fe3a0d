"""A Kaggle data set as a checked zip file, fetched once for each of its versions."""

import contextlib
import email.utils
import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from cxr_tasks.data.sources.kaggle_client import DownloadError, run_client
from cxr_tasks.data.sources.zip_file import count_sound_members
from cxr_tasks.errors import ArtifactError
from cxr_tasks.settings.kaggle_handle import slug_of
from cxr_tasks.volume.files import building, read_json, sha256_of, write_json
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.progress import Report, warning
from cxr_tasks.volume.record_model import Facts, parse_facts

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DID_NOT_DELIVER = ("unreachable", "cut", "stalled")


class KaggleRecord(Facts):
    """A checked download; its schema version is its own, and the file is not sealed."""

    schema_version: Literal[1]
    handle: str
    version: str
    """What the server declared: its ETag, else its Last-Modified."""
    last_modified: str
    """The file's time, as HTTP writes it."""
    size_bytes: int
    sha256: str
    n_files: int
    """Members of the archive."""


def download_dataset(
    handle: str, *, folder: Path, environ: Mapping[str, str], report: Report = print
) -> Path:
    """Fetch a Kaggle data set as a zip in `folder`, its current version or one that is named.

    The official client decides, by the server's `Last-Modified` and size, whether what is here is
    current. The next call continues an interrupted download. Of two processes that call this at
    once the second waits for the first.

    Args:
        handle: As `read_handle` returns it.
        folder: Where downloads are kept; made where it is missing.
        environ: Environment of the client: credentials, proxies, `HOME`.
        report: Takes one line at a time for a person to read; never a secret.

    Returns:
        The zip, checked: it opens, every member's checksum is right, and its size is what the
        server declared. The record beside it says its version and SHA-256.

    Raises:
        SourceError: It could not be had.
    """
    place = KaggleFolder(handle, folder)
    try:
        with locked(place.lock):
            return _have_current(place, environ, report)
    except DownloadError as failure:
        raise failure.explained(handle) from failure
    except OSError as err:
        if err.errno not in _NO_SPACE:
            raise
        raise DownloadError("full", str(err)).explained(handle) from err


class KaggleFolder:
    """One data set's part of the download cache; whoever changes it holds `lock`.

    A version that is named has a part of its own.
    """

    def __init__(self, handle: str, cache: Path) -> None:
        slug = slug_of(handle)  # the client names the zip by it
        name = handle.replace("/", ".")  # no part of a handle has a dot, so no two share a name
        self.handle = handle
        self.lock = cache / f".{name}.lock"
        self.finished = cache / name  # renamed here as a whole: the checked zip and its record
        self.zip = self.finished / f"{slug}.zip"
        self.record = self.finished / f"{slug}.json"
        self.partial = cache / f".{name}.partial"  # where the client works
        self.arriving = self.partial / f"{slug}.zip"
        self._note = self.partial / f"{slug}.zip.kaggle-partial"  # the client's own
        self._kept_note = self.partial / "declared.json"

    def find_kept(self, report: Report) -> KaggleRecord | None:
        """Read the record of a finished download whose file is still what was checked."""
        if not self.zip.exists() or not self.record.exists():
            return None
        with contextlib.suppress(ArtifactError, ValueError):
            record = parse_facts(read_json(self.record), KaggleRecord, path=self.record)
            email.utils.parsedate_to_datetime(record.last_modified)
            if record.sha256 == sha256_of(self.zip):
                return record
        report(warning(f"{self.zip} is not what its record says; fetching it again"))
        return None

    def prepare(self, kept: KaggleRecord | None) -> None:
        """Lay out what the client should find where it begins anew.

        Of a finished download that is an empty file of its size and time: the client compares
        only these, and overwrites the file when there is a newer version; the finished one stays
        usable until the newer is checked.
        """
        self.clear()
        self.partial.mkdir(parents=True)
        if kept is not None:
            with self.arriving.open("wb") as stream:
                stream.truncate(self.zip.stat().st_size)
            seconds = email.utils.parsedate_to_datetime(kept.last_modified).timestamp()
            os.utime(self.arriving, (seconds, seconds))
        # The client removes its note when it is done; under a second name what the server
        # declared stays. Where the volume knows no links, that is known from the file alone.
        self._kept_note.touch()
        with contextlib.suppress(OSError):
            os.link(self._kept_note, self._note)

    def has_begun(self) -> bool:
        """Return whether the client has noted which file it writes; else it starts anew anyway."""
        return self.arriving.exists() and bool(self.declared())

    def declared(self) -> dict[str, Any]:
        """Return what the server declared of the file that the client began.

        Returns:
            `validator` (its ETag, else its Last-Modified) and `size`; empty where nothing was
            begun or declared.
        """
        for path in (self._kept_note, self._note):
            with contextlib.suppress(OSError, ValueError):
                content = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(content, dict):
                    return content
        return {}

    def clear(self) -> None:
        """Remove a download under way."""
        shutil.rmtree(self.partial, ignore_errors=True)

    def keep(self, *, n_files: int) -> KaggleRecord:
        """Move a checked download to its place, with its record."""
        facts = self.arriving.stat()
        modified = email.utils.formatdate(facts.st_mtime, usegmt=True)
        record = KaggleRecord(
            schema_version=1,
            handle=self.handle,
            version=self.declared().get("validator") or modified,
            # The time the client gave the file: the server's, or its own where it knew none.
            last_modified=modified,
            size_bytes=facts.st_size,
            sha256=sha256_of(self.arriving),
            n_files=n_files,
        )
        with building(self.finished) as built:
            # Nothing counts before the folder has its name; the zip moves last, so that a
            # full disk does not cost the download.
            write_json(built / self.record.name, record.content())
            self.arriving.replace(built / self.zip.name)
        return record


def _have_current(place: KaggleFolder, environ: Mapping[str, str], report: Report) -> Path:
    kept = place.find_kept(report)
    continued = place.has_begun()
    if not continued:
        place.prepare(kept)
    try:
        _fetch(place, kept, environ, report)
    except DownloadError as failure:
        if failure.kind == "damaged":
            place.clear()
        if failure.kind == "damaged" and continued:
            # Only then is it worth another try: pieces of two versions may have met.
            report(warning(f"the continued download is damaged ({failure.details}); starting anew"))
            return _have_current(place, environ, report)
        if kept is None or failure.kind not in _DID_NOT_DELIVER:
            raise
        report(warning(f"Kaggle did not deliver ({failure.details})"))
        report(f"using the checked download of version {kept.version}")
    finally:
        if not place.has_begun():
            place.clear()
    return place.zip


def _fetch(
    place: KaggleFolder, kept: KaggleRecord | None, environ: Mapping[str, str], report: Report
) -> None:
    """Run the client, and keep what it brought, if it brought something."""
    begun, before = place.has_begun(), _stamp(place.arriving)
    run_client(place.handle, place.partial, environ=environ, report=report)
    if kept is not None and not begun and _stamp(place.arriving) == before:
        report(f"{place.handle} is current (version {kept.version}); nothing to download")
        return
    n_files = _check(place.arriving, place.declared().get("size"))
    record = place.keep(n_files=n_files)
    report(
        f"downloaded {place.handle}: {record.size_bytes / 1e6:,.1f} MB, {n_files} files, "
        f"version {record.version}"
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written to, whatever times it is given."""
    if not path.exists():
        return None
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _check(path: Path, declared_bytes: int | None) -> int:
    """Check a downloaded zip, a block at a time; return the number of its files.

    Raises:
        DownloadError: It is no sound zip file.
    """
    if not path.exists():
        raise DownloadError("unknown", "the client succeeded and left no file")
    n_bytes = path.stat().st_size
    if declared_bytes is not None and n_bytes != declared_bytes:
        raise DownloadError("damaged", f"{n_bytes:,} bytes; {declared_bytes:,} were declared")
    try:
        return count_sound_members(path)
    except ValueError as err:
        raise DownloadError("damaged", str(err)) from err
