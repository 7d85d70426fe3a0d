"""The rows of a patients file, as spreadsheets, pandas and public data sets write them."""

import codecs
import csv
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS, NOTHING_KNOWN, Acquisition
from cxr_tasks.data.sources.acquisition_columns import find_columns, read_acquisitions
from cxr_tasks.data.sources.unknown_words import is_unknown
from cxr_tasks.errors import DataError, SourceError, first_few

_MAX_BYTES = 256 << 20
"""More than a million rows."""

_COLUMNS = {
    "path": "path filepath filename file imagepath imagefile imagefilename imagename image "
    "imageindex imageid img imgpath",
    "patient": "patient patientid patientnumber patientno patientkey patientname subject subjectid "
    "participant participantid pid",
    "source": "source",
}
"""What a column may be called, in the order in which it is chosen; blanks, `_` and case apart."""

_ALSO_A_REMARK = ("patient", "subject", "participant")
"""Columns that may say whether one is a patient, where another gives the numbers."""

_REQUIRED = ("path", "patient")
_MAX_UNUSED = 12
"""Names of columns that are shown, of those that are not used."""

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)
"""Excel's own first line."""

_WHOLE_NUMBER = re.compile(r"(\d+)[.,]0+")
_ROUNDED_NUMBER = re.compile(r"\d[.,]\d+E\+?\d+|\dE\+\d+", re.IGNORECASE)

_OTHER_KINDS = (
    (b"PK\x03\x04", "it is an Excel workbook or a zip file"),
    (b"\xd0\xcf\x11\xe0", "it is an Excel workbook"),
    (b"\x1f\x8b", "it is packed with gzip"),
)
_ENCODING_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "cp1252"
"""Of Western Europe; only a guess."""


class Row(NamedTuple):
    """What one row says of an image; all but the path is empty where it is not known."""

    path: str
    patient: str
    source: str
    acquisition: Acquisition = NOTHING_KNOWN


@dataclass
class PatientTable:
    """A patients file."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # how it was read, where not as documented
    unknown: Counter[str] = field(default_factory=Counter)  # the words for an unknown patient
    fields: tuple[str, ...] = ()  # the acquisition fields that it has columns for
    unusable: dict[str, Counter[str]] = field(default_factory=dict)  # by field, what is no value


def read_patient_table(path: Path) -> PatientTable:
    """Read the path, the patient, the source and the acquisition fields of each row.

    Raises:
        SourceError: The file is missing or is no such table.
        DataError: A row has too many fields, a patient's number is rounded, or two columns of one
            acquisition field disagree.
    """
    table = PatientTable()
    try:
        encoding = _encoding_of(path)
        if encoding == _WINDOWS:
            table.notes.append("it is no UTF-8 and was read as Windows-1252")
        with path.open(encoding=encoding, newline="") as stream:
            _read(stream, table, path)
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err
    except (csv.Error, ValueError) as err:  # also of an invalid path
        raise _unusable(path, str(err)) from err
    return table


def _encoding_of(path: Path) -> str:
    """Return how a text is encoded; by its mark, its zero bytes, or because it is whole UTF-8.

    Raises:
        SourceError: It may never end, such as a device, or is no text.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_BYTES:
        raise _unusable(path, f"it is no file of at most {_MAX_BYTES >> 20} MiB")
    content = path.read_bytes()
    for signature, kind in _OTHER_KINDS:
        if content.startswith(signature):
            raise _unusable(path, kind)
    for mark, encoding in _ENCODING_MARKS:
        if content.startswith(mark):
            return encoding
    head = content[: 1 << 20]
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        return _WINDOWS
    return "utf-8"


def _read(stream: IO[str], table: PatientTable, path: Path) -> None:
    separator, lines = _split_lines(stream)
    header = next(lines, [])
    columns = _columns(header, path)
    if separator != ",":
        table.notes.append(f"its fields are separated by {separator!r}")
    found = find_columns(header)
    table.fields = tuple(found)
    table.notes += _notes_on_columns(header, columns, found)
    rows = [fields for fields in lines if any(fields)]
    _check_lengths(path, rows, len(header))
    _check_numbers(path, [_field(fields, columns["patient"]) for fields in rows])
    acquisitions = read_acquisitions(path, header, rows=rows, unusable=table.unusable)
    for fields, acquisition in zip(rows, acquisitions, strict=True):
        patient, source = (
            _known(_field(fields, columns.get(name))) for name in ("patient", "source")
        )
        if not patient:
            table.unknown[_field(fields, columns["patient"])] += 1
        image = _field(fields, columns["path"], strip=False)
        table.rows.append(Row(image, patient, source, acquisition))


def _notes_on_columns(
    header: Sequence[str], columns: Mapping[str, int], found: Mapping[str, Sequence[int]]
) -> Iterator[str]:
    """Describe which columns of other names were read, and which were not."""
    read = [(name, at) for name, at in columns.items()]
    read += [(ACQUISITION_FIELDS[name], at) for name, places in found.items() for at in places]
    renamed = [f"{name} from {header[at]!r}" for name, at in read if header[at] != name]
    if renamed:
        yield f"its columns were read so: {', '.join(renamed)}"
    taken = {at for _, at in read}
    unused = [repr(name) for at, name in enumerate(header) if at not in taken and name.strip()]
    if unused:
        yield f"not used: {first_few(unused, limit=_MAX_UNUSED)}"


def _split_lines(stream: IO[str]) -> tuple[str, Iterator[list[str]]]:
    """Find the separator in the first line that is not blank, and read on from there.

    It is the one that shows the columns; where none does, the one that is there most.
    """
    first = next((line for line in stream if line.strip()), "")
    if declared := _SEPARATOR_LINE.fullmatch(first.rstrip("\r\n")):
        return declared[1], csv.reader(stream, delimiter=declared[1])
    for separator in _SEPARATORS:
        if not _missing(_found(next(csv.reader([first], delimiter=separator), []))):
            break
    else:
        separator = max(_SEPARATORS, key=first.count)
    return separator, csv.reader(chain([first], stream), delimiter=separator)


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    found = _found(header)
    if missing := _missing(found):
        problem = f"it has no column {' and no column '.join(missing)}"
        raise _unusable(path, f"{problem} (its first line: {first_few(list(map(repr, header)))})")
    for places in found.values():
        if len(places) > 1:
            raise _unusable(path, f"it has {len(places)} columns {header[places[0]].strip()!r}")
    _check_patient_columns(header, found["patient"][0], path)
    return {name: places[0] for name, places in found.items()}


def _check_patient_columns(header: Sequence[str], taken: int, path: Path) -> None:
    """Refuse two columns either of which may say who is on an image."""
    if _spelled(header[taken]) not in _ALSO_A_REMARK:
        return
    others = set(_COLUMNS["patient"].split()) - {*_ALSO_A_REMARK, "patientname"}
    for name in header:
        if _spelled(name) in others:
            raise _unusable(
                path,
                f"either of its columns {header[taken].strip()!r} and {name.strip()!r} may say who "
                "is on an image; rename the one that does not",
            )


def _found(header: Sequence[str]) -> dict[str, list[int]]:
    """Find the places of the columns; of several names for one, those of the first."""
    spelled = [_spelled(name) for name in header]
    found = {}
    for name, synonyms in _COLUMNS.items():
        known = next((synonym for synonym in synonyms.split() if synonym in spelled), None)
        if known is not None:
            found[name] = [at for at, other in enumerate(spelled) if other == known]
    return found


def _spelled(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _missing(found: dict[str, list[int]]) -> list[str]:
    return [name for name in _REQUIRED if name not in found]


def _check_lengths(path: Path, rows: list[list[str]], n_columns: int) -> None:
    long = [repr(",".join(fields)) for fields in rows if any(map(str.strip, fields[n_columns:]))]
    if long:
        raise DataError(
            f"{len(long)} rows of {path} have more fields than its first line: {first_few(long)}.",
            "A field that holds a separator stands in quotation marks; otherwise it is cut there.",
            "Put such fields in quotation marks, or save the file with another separator.",
        )


def _check_numbers(path: Path, patients: list[str]) -> None:
    rounded = [repr(text) for text in patients if _ROUNDED_NUMBER.fullmatch(text)]
    if rounded:
        raise DataError(
            f"{len(rounded)} patients of {path} are rounded numbers: {first_few(rounded)}.",
            "Spreadsheets shorten long numbers so, and then several patients share one.",
            "Format the column as text in the spreadsheet, fill it again, and save the file.",
        )


def _field(fields: list[str], at: int | None, *, strip: bool = True) -> str:
    """Return a field of a row; empty where the row ends before it, or has no such column."""
    text = fields[at] if at is not None and at < len(fields) else ""
    return text.strip() if strip else text


def _known(text: str) -> str:
    """Spell a patient or a source so that equal ones are equal; empty where it is not known."""
    text = unicodedata.normalize("NFC", text)
    if is_unknown(text):
        return ""
    # pandas makes decimal fractions of a column of whole numbers in which one is missing
    number = _WHOLE_NUMBER.fullmatch(text)
    return number[1] if number else text


def _unusable(path: Path, problem: str) -> SourceError:
    return SourceError(
        f"The patients file {path} cannot be used: {problem[:300]}.",
        "It is a CSV file in UTF-8 with the columns path,patient and, if wanted, source (read too: "
        "filename, image; patient_id, subject_id; ';' and tabs; UTF-16).",
        "Correct it or save it as CSV, or leave the file out.",
    )
