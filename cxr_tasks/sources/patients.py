"""Who is on which image, and where it is from, as a file of the user's says."""

import csv
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.sources.candidates import Candidate

_COLUMNS = ("path", "patient")
_SOURCE = "source"
_MAX_BYTES = 256 << 20
"""More than a million rows; a single line is held in memory."""


class Origin(NamedTuple):
    """Whom an image shows and where it is from; empty where that is not known."""

    patient: str
    source: str


def with_patients(
    candidates: tuple[Candidate, ...], path: Path, *, report: Callable[[str], None]
) -> tuple[Candidate, ...]:
    """Replace the patients that file names tell by what a CSV file says.

    Its columns are path, patient and, where there is one, source: the hospital, archive or
    publication an image is from.

    Raises:
        SourceError: The file is missing or is no such CSV file.
        DataError: It names two patients for one image, or no image of the data set.
    """
    origins = read_origins(path)
    known = {candidate.path for candidate in candidates}
    unknown = [repr(name) for name in origins if name not in known]
    if len(unknown) == len(origins):
        raise DataError(
            f"{path} names no image of the data set (it has {first_few(unknown) or 'no rows'}).",
            f"Its column path gives names such as {candidates[0].path!r}.",
            "Correct the names in it, or leave the file out.",
        )
    if unknown:
        report(f"patients file: {len(unknown)} of {len(origins)} paths are not in the data set")
    return tuple(
        replace(candidate, **origins[candidate.path]._asdict())
        if candidate.path in origins
        else candidate
        for candidate in candidates
    )


def read_origins(path: Path) -> dict[str, Origin]:
    """Read the patient and the source of each path."""
    origins: dict[str, Origin] = {}
    clashes = []
    for name, origin in _rows(path):
        if origins.setdefault(name, origin) != origin:
            clashes.append(repr(name))
    if clashes:
        raise DataError(
            f"{path} names two patients or sources for one image: {first_few(clashes)}.",
            "Each path has one patient and one source.",
            "Correct or remove these rows.",
        )
    return origins


def _rows(path: Path) -> Iterator[tuple[str, Origin]]:
    try:
        _check_kind(path)
        # utf-8-sig: spreadsheets put a byte order mark before the first column's name
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise _unusable(path, f"it has no column {' and no column '.join(missing)}")
            for row in reader:
                values = (row.get(column) or "" for column in ("patient", _SOURCE))
                yield row["path"] or "", Origin(*(value.strip() for value in values))
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err
    except (csv.Error, ValueError) as err:  # also of a path that can be none
        raise _unusable(path, str(err)) from err


def _check_kind(path: Path) -> None:
    """Refuse what may never end, such as a device."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_BYTES:
        raise _unusable(path, f"it is no file of at most {_MAX_BYTES >> 20} MiB")


def _unusable(path: Path, problem: str) -> SourceError:
    return SourceError(
        f"The patients file {path} cannot be used: {problem[:200]}.",
        "It is a CSV file in UTF-8 with the columns path,patient and, if wanted, source.",
        "Correct it, or leave the file out.",
    )
