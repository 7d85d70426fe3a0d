"""What a source of images holds: files that should each be an image of a class."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cxr_tasks.data.acquisition import NOTHING_KNOWN, Acquisition
from cxr_tasks.data.phantom.plan import PATIENT_PATTERN as PHANTOM_PATIENT
from cxr_tasks.data.sources import layouts, left_out
from cxr_tasks.data.sources.mask_matching import (
    FoundMasks,
    check_found,
    check_images_left,
    find_masks,
)
from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.settings.mask_pattern import MaskPattern
from cxr_tasks.settings.presets import Preset
from cxr_tasks.wording import CLASS_NAMES

UNLABELLED = -1
"""The label of an image whose class nobody has said."""

# NIH ChestX-ray14 has the patients 00000001 to 00030805 and numbers their images with three
# digits: 00002658_000.png. Other eight digits are dates (20200403_101500.jpg) or other counters.
_NIH_NAME = r"(?:.*/)?(\d{8})_\d{3}\.\w+"
_NIH_PATIENTS = range(1, 30806)
_PHANTOM_NAME = rf"(?:.*/)?{PHANTOM_PATIENT}"

_REASONS_WHERE_A_CLASS_IS_MISSING = (
    left_out.LINK_OUT,
    left_out.LINK_BROKEN,
    left_out.LINK_IN_ARCHIVE,
    left_out.MASK,
)

_TABLE_COLUMNS = {
    "metadata": ("filename", "finding", "Pneumonia/Viral/COVID-19", "No Finding"),
    "data_entry": ("Image Index", "Finding Labels", "COVID-19", "No Finding"),
    "": ("filename", "label", "COVID-19", "normal"),
}
"""Of tables of labels that are known by the beginning of their names: file, label, COVID-19,
normal; and of others."""


@dataclass(frozen=True)
class Candidate:
    """A file that should be an image of a class."""

    path: str  # POSIX name relative to the source's root
    label: int  # 1 is COVID-19, 0 is normal; or `UNLABELLED`
    patient: str  # whom it shows, or empty where that is not known
    source: str = ""  # where it was taken or published, likewise
    acquisition: Acquisition = NOTHING_KNOWN
    mask: str = ""  # of its lungs: a name as `path`, or an absolute path; empty where there is none


@dataclass(frozen=True)
class Found:
    """What lies in a folder or an archive, by names relative to it, with `/`."""

    paths: tuple[str, ...]
    targets: Mapping[str, str] = field(default_factory=dict)
    """Of those that a link leads to, the real name: relative too, where it is inside."""
    n_left_out_by_reason: Mapping[str, int] = field(default_factory=dict)
    """What is no file, or a link that is not followed."""


@dataclass(frozen=True)
class Listing:
    """What a source holds."""

    candidates: tuple[Candidate, ...]  # in the order in which Keras' loader lists files
    n_left_out_by_reason: Mapping[str, int] = field(default_factory=dict)  # by those of `left_out`
    tables: tuple[str, ...] = ()  # names of tables, which are not read
    n_unclear_masks_by_reason: Mapping[str, int] = field(default_factory=dict)
    """Images without a mask, although something fits its pattern; by those of `mask_matching`."""

    @property
    def n_by_class(self) -> dict[str, int]:
        """Count the candidates of each class."""
        counts = Counter(candidate.label for candidate in self.candidates)
        return {name: counts[label] for label, name in CLASS_NAMES.items()}

    @property
    def masks(self) -> list[str]:
        """Where the masks of the images' lungs are, in the order of the images that have one."""
        return [candidate.mask for candidate in self.candidates if candidate.mask]

    @property
    def masks_on_disk(self) -> list[Path]:
        """Those that lie in another place than the images."""
        return [Path(mask) for mask in self.masks if mask.startswith("/")]


def list_candidates(
    found: Found, preset: Preset, *, root: object, masks: MaskPattern | None = None
) -> Listing:
    """Sort the files of a source into classes; what cannot be an image is left out and counted.

    Masks of the lungs, which `masks` finds, belong to their images, and are not counted.

    A file with several names, by links, is taken once.

    Raises:
        SourceError: No file belongs to a class.
        DataError: None belongs to one of them, a file belongs to both, the folders are laid
            out otherwise than the preset has them, or `masks` finds none.
    """
    reasons = {path: left_out.why_left_out(path, found.targets.get(path)) for path in found.paths}
    labelled = layouts.label_paths([path for path, why in reasons.items() if not why], preset)
    of_images = FoundMasks()
    if masks and labelled.has_both_classes:
        images = [path for path, _ in labelled.paths]
        names = [path for path, why in reasons.items() if why in ("", left_out.MASK)]
        of_images = find_masks(images, names, pattern=masks)
        reasons = {path: why for path, why in reasons.items() if path not in of_images.files}
        reasons |= dict.fromkeys(of_images.strays, left_out.STRAY_MASK)
        labelled = layouts.label_paths([path for path, why in reasons.items() if not why], preset)
        check_images_left(labelled.paths, of_images, pattern=masks)
    counts = Counter(found.n_left_out_by_reason)
    counts.update(reason for reason in reasons.values() if reason)
    taken = {found.targets.get(path) for path, _ in labelled.paths}  # under another name
    counts.update(
        left_out.NO_CLASS if left_out.is_named_image(path) else left_out.OTHER
        for path in labelled.unmatched
        if path not in taken
    )
    if not labelled.has_both_classes:
        raise _missing_class(labelled, reasons, counts, preset, root)
    layouts.check_whole(labelled, preset, root)
    if masks:
        check_found(of_images, [path for path, _ in labelled.paths], pattern=masks)
    once = _each_file_once(labelled.paths, found.targets)
    counts[left_out.LINK_AGAIN] += len(labelled.paths) - len(once)
    return Listing(
        tuple(
            Candidate(path, label, patient_of(path), mask=of_images.by_image.get(path, ""))
            for path, label in once
        ),
        {reason: n for reason, n in counts.most_common() if n},
        tuple(path for path, reason in reasons.items() if reason == left_out.TABLE),
        of_images.n_unclear_by_reason,
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
    labelled: layouts.Labelled,
    reasons: Mapping[str, str],
    counts: Mapping[str, int],
    preset: Preset,
    root: object,
) -> SourceError | DataError:
    """Describe which class is missing, what is there instead, and what could be done."""
    names = [*(path for path, _ in labelled.paths), *labelled.unmatched]
    others = left_out.left_out_in_words(
        {reason: n for reason, n in counts.items() if reason != left_out.NO_CLASS}
    )
    if names:
        there = f"what may be an image lies in {layouts.seen_in(names)}"
        if layouts.preset_name(preset) == "custom":  # the patterns are about names, not folders
            there += f", such as {first_few(list(map(repr, names)))}"
    else:
        there = "no file may be an image" if others else "it is empty"
    there += f"; left out: {others}" if others else ""
    rule = f"{layouts.patterns_in_words(preset)}."
    remedy = "\n".join(_remedies(names, reasons, counts, preset))
    found = dict(labelled.paths).values()
    if not found:
        return SourceError(f"No image of either class in {root}: {there}.", rule, remedy)
    missing = next(name for label, name in CLASS_NAMES.items() if label not in found)
    problem = f"No image of the class {missing} in {root}, {len(found)} of the other: {there}."
    return DataError(problem, rule, remedy)


def _remedies(
    names: Sequence[str], reasons: Mapping[str, str], counts: Mapping[str, int], preset: Preset
) -> Iterable[str]:
    in_the_way = [why for why in _REASONS_WHERE_A_CLASS_IS_MISSING if counts.get(why)]
    for why in in_the_way:
        verb = "is" if counts[why] == 1 else "are"
        yield f"There {verb} {left_out.counted(counts[why], why)}. {left_out.REMEDIES[why]}"
    tables = [path for path, why in reasons.items() if why == left_out.TABLE]
    archives = [path for path, why in reasons.items() if why == left_out.ARCHIVE]
    if archives:
        yield f"Unpack {first_few(list(map(repr, archives)))}, and name the folder it is in."
    if found := layouts.suggestion(names, preset):
        yield found
    elif tables and names:
        yield _how_to_sort(sorted(tables))
    elif names or not (archives or in_the_way):
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
