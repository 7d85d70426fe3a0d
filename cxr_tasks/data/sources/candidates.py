"""What a source of images holds: files that should each be an image of a class."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cxr_tasks.data.phantom.plan import PATIENT_PATTERN as PHANTOM_PATIENT
from cxr_tasks.data.sources.layouts import (
    check_whole,
    label_paths,
    patterns_in_words,
    preset_name,
    seen_in,
    suggestion,
)
from cxr_tasks.data.sources.left_out import (
    ARCHIVE,
    LINK_AGAIN,
    LINK_BROKEN,
    LINK_IN_ARCHIVE,
    LINK_OUT,
    LINKS,
    MASK,
    NO_CLASS,
    OTHER,
    REMEDIES,
    TABLE,
    counted,
    is_named_image,
    left_out_in_words,
    why_left_out,
)
from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.settings.presets import Preset
from cxr_tasks.wording import CLASS_NAMES

UNLABELLED = -1
"""The label of an image whose class nobody has said."""

# NIH ChestX-ray14 has the patients 00000001 to 00030805 and numbers their images with three
# digits: 00002658_000.png. Other eight digits are dates (20200403_101500.jpg) or other counters.
_NIH_NAME = r"(?:.*/)?(\d{8})_\d{3}\.\w+"
_NIH_PATIENTS = range(1, 30806)
_PHANTOM_NAME = rf"(?:.*/)?{PHANTOM_PATIENT}"

_REASONS_WHERE_A_CLASS_IS_MISSING = (LINK_OUT, LINK_BROKEN, LINK_IN_ARCHIVE, MASK)

_TABLE_COLUMNS = {
    "metadata": ("filename", "finding", "Pneumonia/Viral/COVID-19", "No Finding"),
    "data_entry": ("Image Index", "Finding Labels", "COVID-19", "No Finding"),
    "": ("filename", "label", "COVID-19", "normal"),
}
"""Of tables of labels that are known by the beginning of their names: file, label, COVID-19,
normal; and of others."""


@dataclass(frozen=True)
class Candidate:
    """A file that should be an image of a class.

    Attributes:
        path: POSIX name relative to the source's root.
        label: 1 is COVID-19, 0 is normal; or `UNLABELLED`.
        patient: Whom it shows, or empty where that is not known.
        source: Where it was taken or published, likewise.
    """

    path: str
    label: int
    patient: str
    source: str = ""


@dataclass(frozen=True)
class Listing:
    """What a source holds.

    Attributes:
        candidates: In the order in which Keras' loader lists files.
        n_left_out_by_reason: What else lies there, by the reasons in `left_out`.
        tables: Names of tables, which are not read.
    """

    candidates: tuple[Candidate, ...]
    n_left_out_by_reason: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    @property
    def n_by_class(self) -> dict[str, int]:
        """Count the candidates of each class."""
        counts = Counter(candidate.label for candidate in self.candidates)
        return {name: counts[label] for label, name in CLASS_NAMES.items()}

    @property
    def n_unmatched(self) -> int:
        """Count the image files that belong to neither class."""
        return self.n_left_out_by_reason.get(NO_CLASS, 0)

    @property
    def n_ignored_links(self) -> int:
        """Count the links that were not followed."""
        return sum(self.n_left_out_by_reason.get(reason, 0) for reason in LINKS)


@dataclass(frozen=True)
class Found:
    """What lies in a folder or an archive.

    Attributes:
        paths: Names of files relative to it, with `/`.
        targets: Of those that a link leads to, the real name: relative too, where it is inside.
        n_left_out_by_reason: What is no file, or a link that is not followed.
    """

    paths: tuple[str, ...]
    targets: Mapping[str, str] = field(default_factory=dict)
    n_left_out_by_reason: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_ignored_links(self) -> int:
        """Count the links that were not followed."""
        return sum(self.n_left_out_by_reason.get(reason, 0) for reason in LINKS)


def list_candidates(found: Found, preset: Preset, *, root: object) -> Listing:
    """Sort the files of a source into classes; what cannot be an image is left out and counted.

    A file with several names, by links, is taken once.

    Raises:
        SourceError: No file belongs to a class.
        DataError: None belongs to one of them, a file belongs to both, or the folders are laid
            out otherwise than the preset has them.
    """
    reasons = {path: why_left_out(path, found.targets.get(path)) for path in found.paths}
    labelled = label_paths([path for path, reason in reasons.items() if not reason], preset)
    left_out = Counter(found.n_left_out_by_reason)
    left_out.update(reason for reason in reasons.values() if reason)
    taken = {found.targets.get(path) for path, _ in labelled.paths}  # under another name
    unmatched = [path for path in labelled.unmatched if path not in taken]
    left_out.update(NO_CLASS if is_named_image(path) else OTHER for path in unmatched)
    if not labelled.has_both_classes:
        raise _missing_class(labelled.paths, labelled.unmatched, reasons, left_out, preset, root)
    check_whole(labelled, preset, root)
    once = _each_file_once(labelled.paths, found.targets)
    left_out[LINK_AGAIN] += len(labelled.paths) - len(once)
    return Listing(
        tuple(Candidate(path, label, patient_of(path)) for path, label in once),
        {reason: n for reason, n in left_out.most_common() if n},
        tuple(path for path, reason in reasons.items() if reason == TABLE),
    )


def patient_of(path: str) -> str:
    """Read the patient off a file name; empty where it follows no known pattern.

    A pattern that is only likely must not count: images of other people that share a day of
    examination would become one patient.
    """
    if match := re.fullmatch(_NIH_NAME, path, re.DOTALL | re.ASCII):
        return match[1] if int(match[1]) in _NIH_PATIENTS else ""
    match = re.fullmatch(_PHANTOM_NAME, path, re.DOTALL)
    return match[1] if match else ""


def _each_file_once(
    labelled: Sequence[tuple[str, int]], targets: Mapping[str, str]
) -> Sequence[tuple[str, int]]:
    """Keep one name of each file: its own if that is among them, else the first.

    Raises:
        DataError: A file is in both classes.
    """
    by_file: dict[str, dict[str, int]] = defaultdict(dict)
    for path, label in labelled:
        by_file[targets.get(path, path)][path] = label
    for names in by_file.values():
        if len(set(names.values())) > 1:
            raise DataError(
                f"One file belongs to both classes, by links: {first_few(list(map(repr, names)))}.",
                "An image is COVID-19 or normal.",
                "Remove the wrong link.",
            )
    kept = {file if file in names else next(iter(names)) for file, names in by_file.items()}
    return [(path, label) for path, label in labelled if path in kept]


def _missing_class(
    labelled: Sequence[tuple[str, int]],
    unmatched: Sequence[str],
    reasons: Mapping[str, str],
    left_out: Mapping[str, int],
    preset: Preset,
    root: object,
) -> SourceError | DataError:
    """Describe which class is missing, what is there instead, and what could be done."""
    names = [*(path for path, _ in labelled), *unmatched]
    others = left_out_in_words({reason: n for reason, n in left_out.items() if reason != NO_CLASS})
    if names:
        there = f"what may be an image lies in {seen_in(names)}"
        if preset_name(preset) == "custom":  # the patterns are about names, not folders
            there += f", such as {first_few(list(map(repr, names)))}"
    else:
        there = "no file may be an image" if others else "it is empty"
    there += f"; left out: {others}" if others else ""
    rule = f"{patterns_in_words(preset)}."
    remedy = "\n".join(_remedies(names, reasons, left_out, preset))
    if not labelled:
        return SourceError(f"No image of either class in {root}: {there}.", rule, remedy)
    found = {label for _, label in labelled}
    missing = next(name for label, name in CLASS_NAMES.items() if label not in found)
    problem = f"No image of the class {missing} in {root}, {len(labelled)} of the other: {there}."
    return DataError(problem, rule, remedy)


def _remedies(
    names: Sequence[str], reasons: Mapping[str, str], left_out: Mapping[str, int], preset: Preset
) -> Iterable[str]:
    for reason in _REASONS_WHERE_A_CLASS_IS_MISSING:
        if n := left_out.get(reason, 0):
            yield f"There {'is' if n == 1 else 'are'} {counted(n, reason)}. {REMEDIES[reason]}"
    tables, archives = (
        [path for path, why in reasons.items() if why == reason] for reason in (TABLE, ARCHIVE)
    )
    if archives:
        yield f"Unpack {first_few(list(map(repr, archives)))}, and name the folder it is in."
    if found := suggestion(names, preset):
        yield found
    elif tables and names:
        yield _how_to_sort(sorted(tables))
    elif names or not (archives or any(map(left_out.get, _REASONS_WHERE_A_CLASS_IS_MISSING))):
        yield (
            "Correct data or preset, sort the images into COVID/ and NORMAL/, or use "
            "preset=custom with covid_glob and normal_glob."
        )


def _how_to_sort(tables: Sequence[str]) -> str:
    """Report that tables are not read, and show a few lines of Python that sort images by one."""
    table = next((name for name in tables if name.endswith(".csv")), "labels.csv")
    file, label, covid, normal = next(
        columns
        for start, columns in _TABLE_COLUMNS.items()
        if PurePosixPath(table).name.lower().startswith(start)
    )
    return f"""\
{first_few(list(map(repr, tables)))} {"is" if len(tables) == 1 else "are"} not read, the folders \
decide the class: sort the images into COVID/ and NORMAL/ (a spreadsheet is exported as CSV \
first), for example so, with the table's own columns and labels:
    import csv, pathlib, shutil
    files = {{path.name: path for path in pathlib.Path(".").rglob("*.*")}}
    with open({table!r}, newline='') as table:
        for row in csv.DictReader(table):
            folder = {{{covid!r}: 'COVID', {normal!r}: 'NORMAL'}}.get(row[{label!r}])
            if folder and row[{file!r}] in files:
                (place := pathlib.Path('sorted', folder)).mkdir(parents=True, exist_ok=True)
                shutil.copy(files[row[{file!r}]], place)"""
