"""What a source of images holds: files that should each be an image of a class."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from cxr_tasks.errors import SourceError
from cxr_tasks.sources.named_patients import patient_of
from cxr_tasks.sources.presets import CLASS_NAMES, Preset, label_paths, top_folders

UNLABELLED = -1
"""The label of an image whose class nobody has said."""


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
        n_unmatched: Image files that belong to neither class.
        n_ignored_links: Symbolic links that lead out of the source, or to folders.
    """

    candidates: tuple[Candidate, ...]
    n_unmatched: int = 0
    n_ignored_links: int = 0

    @property
    def n_by_class(self) -> dict[str, int]:
        """Count the candidates of each class."""
        counts = Counter(candidate.label for candidate in self.candidates)
        return {name: counts[label] for label, name in CLASS_NAMES.items()}


def list_candidates(
    paths: Collection[str], preset: Preset, *, root: object, n_ignored_links: int = 0
) -> Listing:
    """Sort the files of a source into classes; what cannot be an image is left out.

    Raises:
        SourceError: No file belongs to a class.
        DataError: A file belongs to both.
    """
    labelled = label_paths(paths, preset)
    if not labelled.paths:
        raise SourceError(
            f"No image of either class in {root}: {_what_is_there(paths, n_ignored_links)}.",
            f"COVID-19 images are those at {preset.covid!r}, normal ones at {preset.normal!r}.",
            "Correct data or preset, or use preset=custom with covid_glob and normal_glob.",
        )
    return Listing(
        tuple(Candidate(path, label, patient_of(path)) for path, label in labelled.paths),
        labelled.n_unmatched,
        n_ignored_links,
    )


def _what_is_there(paths: Collection[str], n_ignored_links: int) -> str:
    links = f"; {n_ignored_links} symbolic links that lead elsewhere" if n_ignored_links else ""
    if not paths:
        return f"it is empty{links}"
    return f"it has {len(paths)} files, at the top {top_folders(paths)}{links}"
