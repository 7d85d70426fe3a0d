"""Whether a source may have changed, told without reading its images."""

from pathlib import Path

from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.source import Source
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import SourceError
from cxr_tasks.volume.files import digest_of


def stamp_of(source: Source, *, patients: str = "") -> str:
    """Digest names, sizes and times of what a source holds.

    Equal stamps mean that nothing was written; other stamps need not mean other images.

    Args:
        source: A folder or a zip file, a downloaded one too.
        patients: The patients file that goes with it, if any.

    Raises:
        SourceError: A file cannot be looked at.
    """
    files = [Path(patients)] if patients else []
    if isinstance(source, ZipSource):
        files.append(source.path)
    if isinstance(source, FolderSource):
        files += [source.root / candidate.path for candidate in source.listing().candidates]
    return digest_of([_facts(path) for path in files])


def _facts(path: Path) -> list[object]:
    try:
        facts = path.stat()
    except OSError as err:
        raise SourceError(
            f"{path} cannot be looked at: {err.strerror}.",
            "What is watched stays in its place and can be read.",
            "Correct data or patients in defaults.toml, or the permissions.",
        ) from err
    # a name need not be Unicode
    return [str(path).encode(errors="surrogateescape").hex(), facts.st_size, facts.st_mtime_ns]
