"""Which files of a data set are of which class, in the order Keras lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cxr_tasks.settings.presets import Preset
from cxr_tasks.wording import CLASS_NAMES

_MAX_TOPS = 32
"""Folders in one another, each alone, that are looked through; an archive may name thousands."""


@dataclass(frozen=True)
class Labelled:
    """The files of a data set that belong to a class, in the order Keras lists them.

    Attributes:
        paths: Full names and their labels.
        top: The folder that the patterns are relative to: empty, or a common one with its slash.
        unmatched: What belongs to neither class.
    """

    paths: tuple[tuple[str, int], ...]
    top: str
    unmatched: tuple[str, ...]

    @property
    def has_both_classes(self) -> bool:
        """Whether there is an image of each."""
        return len({label for _, label in self.paths}) == len(CLASS_NAMES)


def label_paths(names: Sequence[str], preset: Preset) -> Labelled:
    """Sort files into classes.

    Where a class is missing and all folders lie in one top folder, that folder is looked through:
    archives are often packed with one, which may be called as a class is. Files beside it do not
    matter.

    Args:
        names: POSIX names of what may be an image, relative to the data's root.
        preset: The classes' patterns.
    """
    labels, top = _labels(names, preset)
    matched = sorted(labels, key=lambda path: keras_order(path[len(top) :]))
    return Labelled(
        tuple((path, labels[path]) for path in matched),
        top,
        tuple(path for path in names if path not in labels),
    )


def within_common_top(names: Sequence[str], top: str = "") -> tuple[list[str], str]:
    """Find the only folder in a folder, and what lies in it; nothing where there are several."""
    if top.count("/") == _MAX_TOPS:
        return [], top
    deeper = [name for name in names if "/" in name[len(top) :]]
    tops = {name[: name.index("/", len(top)) + 1] for name in deeper}
    return (deeper, tops.pop()) if len(tops) == 1 else ([], top)


def keras_order(path: str) -> tuple[str, str, str]:
    """Sort as `keras.utils.image_dataset_from_directory` lists files: class, folder, name."""
    folder, _, name = path.rpartition("/")
    return path.partition("/")[0], folder, name


def _labels(names: Sequence[str], preset: Preset) -> tuple[dict[str, int], str]:
    """Label the names that match behind their common top folders, and say which those are."""
    found: tuple[dict[str, int], str] = {}, ""
    inside, top = list(names), ""
    while inside:
        labels = {path: preset.label(path[len(top) :]) for path in inside}
        matched = {path: label for path, label in labels.items() if label is not None}
        if len(set(matched.values())) == len(CLASS_NAMES):
            return matched, top
        found = found if found[0] else (matched, top)
        inside, top = within_common_top(inside, top)
    return found
