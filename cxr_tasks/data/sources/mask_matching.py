"""Which file is the mask of an image's lungs, by the pattern of `lung_masks`."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cxr_tasks.data.sources.left_out import may_be_image
from cxr_tasks.errors import DataError, SourceError, first_few
from cxr_tasks.settings.mask_pattern import MaskName, MaskPattern
from cxr_tasks.wording import CLASS_NAMES

SEVERAL = "several files fit its pattern"
SHARED = "one file for several images"
OUTSIDE = "its pattern leads out of the data"
"""Each a reason why an image has no mask."""


@dataclass(frozen=True)
class FoundMasks:
    """The masks of a data set's images."""

    by_image: Mapping[str, str] = field(default_factory=dict)
    """Where each image's is: a name relative to the data's root, or an absolute path."""
    files: frozenset[str] = frozenset()
    """The masks, also those of no certain image."""
    strays: frozenset[str] = frozenset()
    """Files that lie where masks do, and are of no image."""
    n_unclear_by_reason: Mapping[str, int] = field(default_factory=dict)
    """Images that have none, although something fits the pattern."""


def find_masks(images: Sequence[str], names: Iterable[str], *, pattern: MaskPattern) -> FoundMasks:
    """Find the mask of each image, and which of the images are masks themselves.

    Args:
        images: What is taken as images as long as nothing is known of masks; POSIX, relative to
            the data's root.
        names: All files there that may be images or masks.
        pattern: Where an image's mask lies.

    Raises:
        SourceError: The pattern's folder is not there.
        DataError: The pattern cannot tell images and masks apart.
    """
    wanted = {image: pattern.name_for(image) for image in images}
    parts = frozenset(name.part for name in wanted.values() if name)
    place = _Disk(pattern.top, parts) if pattern.top else _Names(names, parts)
    strays = set() if pattern.top else {image for image in images if _is_own(wanted[image], image)}
    reasons = Counter[str]()
    found: dict[str, str] = {}
    for image in images:
        if image in strays:
            continue
        name = wanted[image]
        files = place.find(name) if name else []
        if len(files) == 1:
            found[image] = files[0]
        elif files or not name:
            reasons[SEVERAL if files else OUTSIDE] += 1
    _check_apart(found, pattern)
    n_images = Counter(found.values())
    by_image = {image: file for image, file in found.items() if n_images[file] == 1}
    reasons[SHARED] += len(found) - len(by_image)
    files_of_masks = frozenset(n_images)
    return FoundMasks(by_image, files_of_masks, frozenset(strays) - files_of_masks, +reasons)


def check_images_left(
    labelled: Sequence[tuple[str, int]], masks: FoundMasks, *, pattern: MaskPattern
) -> None:
    """Refuse a pattern that leaves no image of a class, where there were some without it.

    Raises:
        DataError: It is so.
    """
    left = {label for _, label in labelled}
    for name in (name for label, name in CLASS_NAMES.items() if label not in left):
        n = len(masks.files | masks.strays)
        raise DataError(
            f"lung_masks={pattern.text!r} takes every image of the class {name} as a mask; it fits "
            f"{n} files.",
            "What lies where masks do is no image.",
            "Correct lung_masks so that it fits masks only (command line: --lung-masks).",
        )


def check_found(masks: FoundMasks, images: Sequence[str], *, pattern: MaskPattern) -> None:
    """Refuse a pattern that a person wrote and that finds no mask.

    Raises:
        DataError: It is so.
    """
    if masks.by_image or not pattern.is_written:
        return
    name = pattern.name_for(images[0]) if images else None
    example = f"that of {images[0]!r} would be {name.path!r}" if name and name.path else ""
    unclear = [f"{n} images: {reason}" for reason, n in masks.n_unclear_by_reason.items()]
    raise DataError(
        f"lung_masks={pattern.text!r} finds no mask of {len(images)} images: "
        f"{'; '.join(filter(None, (example, *unclear))) or 'no file fits'}.",
        "A pattern gives exactly one file for an image that has a mask.",
        "Correct lung_masks (command line: --lung-masks), or leave it out.",
    )


class _Names:
    """The names of files, found by what they have in them."""

    def __init__(self, names: Iterable[str], parts: frozenset[str]) -> None:
        self._names = frozenset(names)
        self._parts = parts

    def find(self, wanted: MaskName) -> list[str]:
        if wanted.path:
            return [wanted.path] if wanted.path in self._names else []
        return [name for name in self._by_part.get(wanted.part, ()) if wanted.fits(name)]

    @cached_property
    def _by_part(self) -> Mapping[str, list[str]]:
        """The names that have a part in them: to try each name for each image takes too long."""
        found: dict[str, list[str]] = defaultdict(list)
        lengths = {len(part) for part in self._parts}
        for name in sorted(self._names):
            ends = ((at, at + n) for n in lengths for at in range(len(name) - n + 1))
            for part in {name[start:end] for start, end in ends} & self._parts:
                found[part].append(name)
        return found


class _Disk:
    """Files below a folder that is not the data's own."""

    def __init__(self, top: str, parts: frozenset[str]) -> None:
        self._top, self._parts = top, parts
        if not os.path.isdir(top):  # noqa: PTH112 - pathlib raises where a path is too long
            raise SourceError(
                f"The folder of lung_masks is not there: {top!r}.",
                "An absolute pattern begins with a folder that every worker can read.",
                "Correct lung_masks (command line: --lung-masks), or leave it out.",
            )

    def find(self, wanted: MaskName) -> list[str]:
        if wanted.path:
            path = f"{self._top}/{wanted.path}"
            return [path] if os.path.isfile(path) else []  # noqa: PTH113
        return [f"{self._top}/{name}" for name in self._names.find(wanted)]

    @cached_property
    def _names(self) -> _Names:
        files = (Path(folder, name) for folder, _, names in os.walk(self._top) for name in names)
        names = (str(path.relative_to(self._top)) for path in files)
        return _Names(filter(may_be_image, names), self._parts)


def _is_own(wanted: MaskName | None, image: str) -> bool:
    """Return whether a file lies where its own mask would: then it is a mask, and no image."""
    return wanted is not None and wanted.fits(image)


def _check_apart(found: Mapping[str, str], pattern: MaskPattern) -> None:
    both = sorted(set(found) & set(found.values()))
    if both:
        raise DataError(
            f"lung_masks={pattern.text!r} cannot tell {len(both)} images from masks: "
            f"{first_few(list(map(repr, both)))} have a mask, and fit as that of another image.",
            "What is the mask of an image is no image itself.",
            "Correct lung_masks so that it fits masks only, or keep these in their own folder.",
        )
