"""The columns of a table that say how an image was taken, under the names people really use."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS, Acquisition
from cxr_tasks.data.sources.acquisition_values import READERS, read_text
from cxr_tasks.errors import DataError, first_few

_COLUMNS = {
    field: set(names.split())
    for field, names in {
        "sex": "sex gender patientsex patientgender patientssex patientsgender patientsexdicom",
        "age": "age ageyears ageinyears patientage patientsage patientageyears patientagedicom",
        "view": "view viewposition patientview projection",
        "device": "device devicename devicemodel scanner scannername scannermodel",
        "follow_up": "followup followupnumber followupno",
        "hospital": "hospital hospitalname site sitename institution institutionname center centre",
    }.items()
}
"""What a column may be called: blanks, signs and case apart. Not `offset`, which counts days."""

_MAKER_AND_MODEL = {
    "manufacturer",
    "manufacturerdicom",
    "vendor",
    "model",
    "modelname",
    "manufacturermodelname",
    "manufacturersmodelname",
    "manufacturermodelnamedicom",
}
"""Together they name a device, where no column does so alone."""


def find_columns(header: Sequence[str]) -> dict[str, list[int]]:
    """Find the places of the columns of each acquisition field; those without any are left out."""
    spelled = [_spelled(name) for name in header]
    names = _COLUMNS
    if not _COLUMNS["device"] & set(spelled):
        names = _COLUMNS | {"device": _MAKER_AND_MODEL}
    found = {
        field: [at for at, name in enumerate(spelled) if name in names[field]]
        for field in ACQUISITION_FIELDS
    }
    return {field: places for field, places in found.items() if places}


def read_acquisitions(
    path: Path,
    header: Sequence[str],
    *,
    rows: Sequence[Sequence[str]],
    unusable: dict[str, Counter[str]],
) -> list[Acquisition]:
    """Read the acquisition fields of each row; what is no value counts as not known.

    Args:
        path: Of the table, for messages.
        header: Names of its columns.
        rows: Fields of its rows; one may be shorter than the header.
        unusable: Takes, by field, the texts that are no value, and how often each stands there.

    Raises:
        DataError: The table has two columns of one field, and they disagree.
    """
    values: list[dict[str, str]] = [{} for _ in rows]
    for field, places in find_columns(header).items():
        columns = [[row[at].strip() if at < len(row) else "" for row in rows] for at in places]
        if _spelled(header[places[0]]) in _MAKER_AND_MODEL:
            columns = [[_device(parts) for parts in zip(*columns, strict=True)]]
        refused = Counter[str]()
        read = [_read_column(field, texts, refused) for texts in columns]
        _check_agree(path, field, names=[header[at] for at in places], columns=read)
        for of_row, known in zip(values, zip(*read, strict=True), strict=True):
            of_row[field] = max(known)  # they agree, or are empty
        if refused:
            unusable[field] = refused
    return [Acquisition(**of_row) for of_row in values]


def _spelled(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _device(parts: Sequence[str]) -> str:
    """Join maker and model; one that the other names already is left out."""
    known = list(dict.fromkeys(filter(None, map(read_text, parts))))
    folded = [part.casefold() for part in known]
    return " ".join(
        part
        for part, own in zip(known, folded, strict=True)
        if not any(own in other for other in folded if other != own)
    )


def _read_column(field: str, texts: Sequence[str], refused: Counter[str]) -> list[str]:
    values = []
    # in Spanish H is a man and M a woman
    unclear = {"h", "m"} if field == "sex" and "h" in map(str.casefold, texts) else set()
    for text in texts:
        value = None if text.casefold() in unclear else READERS[field](text)
        if value is None:
            refused[text] += 1
        values.append(value or "")
    return values


def _check_agree(
    path: Path, field: str, *, names: Sequence[str], columns: Sequence[Sequence[str]]
) -> None:
    rows = [list(dict.fromkeys(filter(None, row))) for row in zip(*columns, strict=True)]
    clashes = [" and ".join(map(repr, row)) for row in rows if len(row) > 1]
    if clashes:
        named = " and ".join(repr(name.strip()) for name in names)
        raise DataError(
            f"The columns {named} of {path} disagree in {len(clashes)} rows: {first_few(clashes)}.",
            f"All of them give the {ACQUISITION_FIELDS[field]} of an image, which has one.",
            "Correct these rows, or remove or rename the column that is about something else.",
        )
