"""A Kaggle data set as a checked zip file, fetched once for each of its versions."""

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from cxr_tasks.data.sources.kaggle_client import run_client
from cxr_tasks.data.sources.kaggle_errors import DownloadError, explain
from cxr_tasks.data.sources.kaggle_folder import KaggleFolder, Record
from cxr_tasks.data.sources.kaggle_login import credentials_environment
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.progress import warning

__all__ = ["credentials_environment", "download_dataset"]

Report = Callable[[str], None]

# A bomb's content would take hours to check; images hardly shrink in a zip.
_MAX_RATIO = 200
_MAX_BYTES_OF_ANY_RATIO = 1 << 30

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def download_dataset(
    handle: str, *, folder: Path, environ: Mapping[str, str], report: Report = print
) -> Path:
    """Have a Kaggle data set as a zip in `folder`, its current version or one that is named.

    It is fetched once only. The official client does the fetching and decides, by the server's
    `Last-Modified` and size, whether what is here is current. An interrupted download is
    continued by the next call. Two processes may call this at once; the second waits for the
    first.

    Args:
        handle: `OWNER/SLUG`, or another form that `read_handle` reads.
        folder: Where downloads are kept; made where it is missing.
        environ: Environment of the client: credentials, proxies, `HOME`.
        report: Takes one line at a time for a person to read; never a secret.

    Returns:
        The zip, checked: it opens, every member's checksum is right, and its size is what the
        server declared. The record beside it says its version and SHA-256.

    Raises:
        ConfigError: The handle names no data set.
        SourceError: It could not be had.
    """
    handle = read_handle("kaggle_dataset", handle)
    place = KaggleFolder(handle, folder)
    try:
        with locked(place.lock):
            return _have_current(place, environ, report)
    except DownloadError as failure:
        raise explain(failure, handle) from failure
    except OSError as err:
        if err.errno not in _NO_SPACE:
            raise
        raise explain(DownloadError("full", str(err)), handle) from err


def _have_current(place: KaggleFolder, environ: Mapping[str, str], report: Report) -> Path:
    kept = place.find_kept(report)
    continued = place.prepare(kept)
    try:
        _fetch(place, kept, environ, report)
    except DownloadError as failure:
        if failure.kind == "damaged":
            place.clear()
        if failure.kind == "damaged" and continued:
            # Only then is it worth another try: pieces of two versions may have met.
            report(warning(f"the continued download is damaged ({failure.details}); starting anew"))
            return _have_current(place, environ, report)
        if kept is None or failure.kind not in ("unreachable", "cut", "stalled"):
            raise
        report(warning(f"Kaggle did not deliver ({failure.details})"))
        report(f"using the checked download of version {kept['version']}")
    finally:
        if not place.has_begun():
            place.clear()
    return place.zip


def _fetch(
    place: KaggleFolder, kept: Record | None, environ: Mapping[str, str], report: Report
) -> None:
    """Run the client, and keep what it brought, if it brought something."""
    begun, before = place.has_begun(), _stamp(place.arriving)
    run_client(place.handle, place.partial, environ=environ, report=report)
    if kept is not None and not begun and _stamp(place.arriving) == before:
        report(f"{place.handle} is current (version {kept['version']}); nothing to download")
        return
    n_files = _check(place.arriving, place.declared().get("size"))
    record = place.keep(n_files=n_files)
    report(
        f"downloaded {place.handle}: {record['size_bytes'] / 1e6:,.1f} MB, {n_files} files, "
        f"version {record['version']}"
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Tell whether a file was written to, whatever times it was given."""
    if not path.exists():
        return None
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _check(path: Path, declared_bytes: int | None) -> int:
    """Check a downloaded zip, a block at a time; give the number of its files.

    Raises:
        DownloadError: It is no sound zip file.
    """
    if not path.exists():
        raise DownloadError("unknown", "the client succeeded and left no file")
    n_bytes = path.stat().st_size
    if declared_bytes is not None and n_bytes != declared_bytes:
        raise DownloadError("damaged", f"{n_bytes:,} bytes; {declared_bytes:,} were declared")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            _check_ratio(sum(info.file_size for info in members), n_bytes)
            damaged = archive.testzip()
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        EOFError,
        RuntimeError,
        ValueError,
    ) as err:
        raise DownloadError("damaged", f"{n_bytes:,} bytes: {err}") from err
    if damaged is not None:
        raise DownloadError("damaged", f"wrong checksum of {damaged[:100]!r}")
    return len(members)


def _check_ratio(n_unpacked_bytes: int, n_bytes: int) -> None:
    if n_unpacked_bytes > max(_MAX_BYTES_OF_ANY_RATIO, _MAX_RATIO * n_bytes):
        raise DownloadError("damaged", f"{n_bytes:,} bytes claim to hold {n_unpacked_bytes:,}")
