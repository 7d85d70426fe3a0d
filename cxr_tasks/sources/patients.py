"""Who is on which image, as a file of the user's says."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.sources.candidates import Candidate

_COLUMNS = ("path", "patient")


def with_patients(
    candidates: tuple[Candidate, ...], path: Path, *, report: Callable[[str], None]
) -> tuple[Candidate, ...]:
    """Replace the patients that file names tell by what a CSV file says.

    Raises:
        SourceError: The file is missing or is no such CSV file.
        DataError: It names two patients for one image, or no image of the data set.
    """
    patients = read_patients(path)
    known = {candidate.path for candidate in candidates}
    unknown = [repr(name) for name in patients if name not in known]
    if len(unknown) == len(patients):
        raise DataError(
            f"{path} names no image of the data set (it has {first_few(unknown) or 'no rows'}).",
            f"Its column path gives names such as {candidates[0].path!r}.",
            "Correct the names in it, or leave the setting patients out.",
        )
    if unknown:
        report(f"patients file: {len(unknown)} of {len(patients)} paths are not in the data set")
    return tuple(
        replace(candidate, patient=patients.get(candidate.path, candidate.patient))
        for candidate in candidates
    )


def read_patients(path: Path) -> dict[str, str]:
    """Read the patient of each path."""
    patients: dict[str, str] = {}
    clashes = []
    for name, patient in _rows(path):
        if patients.setdefault(name, patient) != patient:
            clashes.append(repr(name))
    if clashes:
        raise DataError(
            f"{path} names two patients for one image: {first_few(clashes)}.",
            "Each path has one patient.",
            "Correct or remove these rows.",
        )
    return patients


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the first column's name
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise _unusable(path, f"it has no column {' and no column '.join(missing)}")
            for row in reader:
                yield row["path"], (row["patient"] or "").strip()
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err
    except (csv.Error, UnicodeDecodeError) as err:
        raise _unusable(path, str(err)) from err


def _unusable(path: Path, problem: str) -> SourceError:
    return SourceError(
        f"The patients file {path} cannot be used: {problem[:200]}.",
        "It is a CSV file in UTF-8 with the columns path,patient.",
        "Correct it, or leave the setting patients out.",
    )
