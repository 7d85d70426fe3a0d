"""Who is on which image, and where it is from, as a file of the user's says."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS, Acquisition
from cxr_tasks.data.sources.acquisition_values import ALLOWED
from cxr_tasks.data.sources.candidates import Candidate
from cxr_tasks.data.sources.image_names import ImageNames
from cxr_tasks.data.sources.patient_table import PatientTable, Row, read_patient_table
from cxr_tasks.errors import DataError, first_few
from cxr_tasks.volume.progress import Report, warning
from cxr_tasks.wording import CLASS_NAMES

_DATE = re.compile(r"(?:\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2(?:\d{4}|\d\d))(?:[T ].*)?")

_TITLES = {"patient": "patient", "source": "source", **ACQUISITION_FIELDS}
"""What a row says of an image, and what a person calls it."""

_FEWEST_IN_DOUBT = 6
"""So many images of one person, in both classes, are ordinary in a very small data set."""


@dataclass
class _Matches:
    """Which row is of which image."""

    rows: dict[str, tuple[int, list[Row]]] = field(default_factory=dict)
    """By the image's path, the rows that are closest to it, and how close they are."""
    unmatched: list[str] = field(default_factory=list)  # the names of no image
    ambiguous: list[str] = field(default_factory=list)  # those of several, with two of these


def with_patients(
    candidates: tuple[Candidate, ...], path: Path, *, report: Report, root: str = ""
) -> tuple[Candidate, ...]:
    """Replace the patients that file names show by what a CSV file says.

    Its columns are path, patient and, where there are such, source (the hospital, archive or
    publication an image is from) and acquisition fields. Absolute names in it may begin with
    `root`, where the data lie.

    Raises:
        SourceError: The file is missing or is no such CSV file.
        DataError: It says two things of one image, names no image of the data set, one name fits
            several images, or one patient has most images, of both classes.
    """
    table = read_patient_table(path)
    matches = _match(table.rows, ImageNames((item.path for item in candidates), root=root))
    _check_names(path, matches, example=candidates[0].path)
    origins = _origins(path, matches)
    _check_largest(path, {item.path: item.label for item in candidates}, origins)
    _report_reading(table, matches, report)
    known = _with_origins(candidates, origins, report)
    _report_fields(known, table.fields, report)
    _report_coverage(known, report)
    return known


def _match(rows: Iterable[Row], names: ImageNames) -> _Matches:
    """Find each row's image; of several rows for one, those count that are closest to its name."""
    readings = [(row, names.find(row.path)) for row in rows]
    closest: dict[str, int] = {}
    for _, (paths, distance) in readings:
        if len(paths) == 1:
            closest[paths[0]] = min(distance, closest.get(paths[0], distance))
    matches = _Matches()
    for row, (paths, distance) in readings:
        if len(paths) == 1 and distance == closest[paths[0]]:
            matches.rows.setdefault(paths[0], (distance, []))[1].append(row)
            continue
        matches.unmatched.append(repr(row.path))
        if paths[1:]:
            matches.ambiguous.append(f"{row.path!r} fits {' and '.join(map(repr, paths[:2]))}")
    return matches


def _check_names(path: Path, matches: _Matches, *, example: str) -> None:
    if matches.ambiguous:
        raise DataError(
            f"{len(matches.ambiguous)} names in {path} fit several images: "
            f"{first_few(matches.ambiguous)}.",
            "A row is of one image; a file's name alone is enough where no other file has it.",
            f"Name these with their folders, such as {example!r}.",
        )
    if not matches.rows:
        raise DataError(
            f"{path} names no image of the data set (it has "
            f"{first_few(matches.unmatched) or 'no rows'}).",
            f"Its column path gives names such as {example!r}.",
            "Correct the names in it, or leave the file out.",
        )


def _origins(path: Path, matches: _Matches) -> dict[str, Row]:
    """Return what is known of each image; a row that knows counts before one that does not."""
    origins, clashes = {}, []
    for image, (_distance, rows) in matches.rows.items():
        known = {}
        for name in _TITLES:
            values = sorted({_facts(row)[name] for row in rows} - {""})
            known[name] = values[0] if values else ""
            if len(values) > 1:
                listed = " and ".join(map(repr, values))
                clashes.append(f"{image!r} ({_TITLES[name]} {listed})")
        patient, source = known.pop("patient"), known.pop("source")
        origins[image] = Row(image, patient, source, Acquisition(**known))
    if clashes:
        raise DataError(
            f"{path} says two things of one image: {first_few(clashes)}.",
            "Rows of one path have one patient, one source, one age and so on, or none.",
            "Correct or remove these rows.",
        )
    return origins


def _facts(row: Row) -> dict[str, str]:
    return {"patient": row.patient, "source": row.source, **vars(row.acquisition)}


def _check_largest(path: Path, labels: dict[str, int], origins: dict[str, Row]) -> None:
    """Refuse a patient who would hold most images of both classes together: it is no patient."""
    images = Counter(row.patient for row in origins.values() if row.patient)
    patient, n = next(iter(images.most_common(1)), ("", 0))
    classes = Counter(labels[image] for image, row in origins.items() if row.patient == patient)
    if n < _FEWEST_IN_DOUBT or 2 * n <= images.total() or len(classes) < len(CLASS_NAMES):
        return
    counts = " and ".join(f"{classes[label]} {name}" for label, name in CLASS_NAMES.items())
    raise DataError(
        f"{path} gives {n} of the {images.total()} images whose patient it knows to {patient!r}: "
        f"{counts} ones.",
        "A patient's images train or test together, so nobody can have most of both classes; "
        "perhaps it stands for an unknown patient, or the column holds something else.",
        "Leave the field empty where the patient is not known, or give the column that names "
        "patients.",
    )


def _with_origins(
    candidates: Sequence[Candidate], origins: dict[str, Row], report: Report
) -> tuple[Candidate, ...]:
    """Return the images with what the file says of them.

    One that the file leaves out gets the patient whom it gives others with the same number in
    their file names: else that person would have two names, and be on both sides of a split.
    """
    names = defaultdict(set)
    for item in candidates:
        if item.patient and item.path in origins and origins[item.path].patient:
            names[item.patient].add(origins[item.path].patient)
    renamed = {old: min(new) for old, new in names.items() if len(new) == 1}
    known, n_renamed = [], 0
    for item in candidates:
        if item.path in origins:
            _, patient, source, acquisition = origins[item.path]
            known.append(replace(item, patient=patient, source=source, acquisition=acquisition))
            continue
        patient = renamed.get(item.patient, item.patient)
        n_renamed += patient != item.patient
        known.append(replace(item, patient=patient))
    if n_renamed:
        report(
            f"patients file: {n_renamed} images that it leaves out get the patient that it gives "
            "others with the same number in their file names"
        )
    return tuple(known)


def _report_reading(table: PatientTable, matches: _Matches, report: Report) -> None:
    n_rows = len(table.rows)
    for note in table.notes:
        report(f"patients file: {note}")
    if loose := [
        f"{row.path!r} is {image!r}"
        for image, (distance, rows) in matches.rows.items()
        if distance
        for row in rows
    ]:
        spelled = f"{len(loose)} of {n_rows} names are spelled otherwise, such as {loose[0]}"
        report(f"patients file: {spelled}")
    warnings = []
    if matches.unmatched:
        warnings.append(
            f"{len(matches.unmatched)} of {n_rows} paths are not in the data set: "
            f"{first_few(matches.unmatched)}"
        )
    if dates := [repr(row.patient) for row in table.rows if _DATE.fullmatch(row.patient)]:
        warnings.append(
            f"the patient of {len(dates)} of {n_rows} rows is a date "
            f"({first_few(list(dict.fromkeys(dates)))}); all images of one date count as one "
            "person's"
        )
    if n := table.unknown.total():
        words = [f"{word!r} {times} times" for word, times in table.unknown.most_common()]
        warnings.append(
            f"{n} of {n_rows} rows name no patient ({first_few(words)}); these stay unknown"
        )
    for name, texts in table.unusable.items():
        words = [f"{text!r} {times} times" for text, times in texts.most_common()]
        warnings.append(
            f"the {ACQUISITION_FIELDS[name]} of {texts.total()} of {n_rows} rows is not "
            f"{ALLOWED[name]} ({first_few(words)}); it stays unknown"
        )
    for text in warnings:
        report(warning(f"patients file: {text}"))


def _report_fields(known: Sequence[Candidate], fields: Sequence[str], report: Report) -> None:
    """Report for how many images of each class an acquisition field is known."""
    for name in fields:
        counts = _counts(known, [vars(item.acquisition)[name] for item in known])
        report(f"{ACQUISITION_FIELDS[name]}: known for {counts}")


def _report_coverage(known: Sequence[Candidate], report: Report) -> None:
    """Report for how many images of each class a patient is known."""
    text = f"a patient is known for {_counts(known, [item.patient for item in known])}"
    if all(item.patient for item in known):
        report(text)
        return
    report(
        warning(
            f"{text}; each other image counts as a patient of its own, so images of one person may "
            "train and test"
        )
    )


def _counts(items: Sequence[Candidate], values: Sequence[str]) -> str:
    """Return of how many images of each class a value is known."""
    images = Counter(item.label for item in items)
    n_known = Counter(item.label for item, value in zip(items, values, strict=True) if value)
    counts = " and ".join(
        f"{n_known[label]} of {images[label]} {name}"
        for label, name in CLASS_NAMES.items()
        if images[label]
    )
    return f"{counts} images"
