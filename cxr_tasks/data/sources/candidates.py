"""What a source of images holds: files that should each be an image of a class."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cxr_tasks.data.sources.file_kinds import (
    ARCHIVE_SUFFIXES,
    TABLE_SUFFIXES,
    is_hidden,
    is_in_mask_folder,
    is_named_image,
    may_be_image,
    suffix_of,
)
from cxr_tasks.data.sources.label_tables import how_to_sort
from cxr_tasks.data.sources.labels import label_paths
from cxr_tasks.data.sources.layouts import check_whole, preset_name, seen_in, suggestion
from cxr_tasks.data.sources.left_out import (
    ARCHIVE,
    HIDDEN,
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
    told,
)
from cxr_tasks.data.sources.named_patients import patient_of
from cxr_tasks.data.sources.walk import Found
from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.settings.presets import Preset
from cxr_tasks.wording import CLASS_NAMES

UNLABELLED = -1
"""The label of an image whose class nobody has said."""

_SAID_WHERE_A_CLASS_IS_MISSING = (LINK_OUT, LINK_BROKEN, LINK_IN_ARCHIVE, MASK)


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


def why_left_out(path: str, target: str | None = None) -> str:
    """Describe why a file is no candidate in any layout; empty where it may be one.

    Args:
        path: Its name, relative to the source's root.
        target: Where it really lies, if a link leads there; absolute where that is outside.
    """
    if is_hidden(path):
        return HIDDEN
    if suffix_of(path) in TABLE_SUFFIXES:
        return TABLE
    if suffix_of(path) in ARCHIVE_SUFFIXES:
        return ARCHIVE
    if not may_be_image(path):
        return OTHER
    return MASK if is_in_mask_folder(path) or (target and _is_mask(target)) else ""


def _is_mask(target: str) -> bool:
    """Look at a link's target: of one outside, only the two nearest folders are its own."""
    place = PurePosixPath(target)
    return is_in_mask_folder("/".join(place.parts[-3:]) if place.is_absolute() else target)


def _each_file_once(
    labelled: Sequence[tuple[str, int]], targets: Mapping[str, str]
) -> Sequence[tuple[str, int]]:
    """Keep one name of each file: its own if that is among them, else the first.

    Raises:
        DataError: A file is in both classes.
    """
    if not targets:
        return labelled
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
    counts = Counter(label for _, label in labelled)
    others = told({reason: n for reason, n in left_out.items() if reason != NO_CLASS})
    if names:
        there = f"what may be an image lies in {seen_in(names)}"
        if preset_name(preset) == "custom":  # the patterns are about names, not folders
            there += f", such as {first_few(list(map(repr, names)))}"
    else:
        there = "no file may be an image" if others else "it is empty"
    there += f"; left out: {others}" if others else ""
    rule = (
        f"The preset {preset_name(preset)!r} takes {preset.covid!r} as COVID-19 and "
        f"{preset.normal!r} as normal."
    )
    remedy = "\n".join(_remedies(names, reasons, left_out, preset))
    if not labelled:
        return SourceError(f"No image of either class in {root}: {there}.", rule, remedy)
    missing = next(name for label, name in CLASS_NAMES.items() if not counts[label])
    return DataError(
        f"No image of the class {missing} in {root}, {len(labelled)} of the other: {there}.",
        rule,
        remedy,
    )


def _remedies(
    names: Sequence[str], reasons: Mapping[str, str], left_out: Mapping[str, int], preset: Preset
) -> Iterable[str]:
    for reason in _SAID_WHERE_A_CLASS_IS_MISSING:
        if left_out.get(reason):
            n = left_out[reason]
            yield f"There {'is' if n == 1 else 'are'} {counted(n, reason)}. {REMEDIES[reason]}"
    tables, archives = (
        [path for path, why in reasons.items() if why == reason] for reason in (TABLE, ARCHIVE)
    )
    if archives:
        yield f"Unpack {first_few(list(map(repr, archives)))}, and name the folder it is in."
    if found := suggestion(names, preset):
        yield found
    elif tables and names:
        yield how_to_sort(tables)
    elif names or not (archives or any(map(left_out.get, _SAID_WHERE_A_CLASS_IS_MISSING))):
        yield (
            "Correct data or preset, sort the images into COVID/ and NORMAL/, or use "
            "preset=custom with covid_glob and normal_glob."
        )
