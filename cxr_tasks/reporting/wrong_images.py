"""Every image of the basis that a variant has wrong, once, with what each variant says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.reporting.attention import AttentionMap
from cxr_tasks.reporting.radiographs import caption_of, kind_of
from cxr_tasks.statistics.figures_record import Basis, ByClass
from cxr_tasks.statistics.scores import THRESHOLD
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import CLASS_NAMES, COVID, NORMAL, PART_NAMES, one_line, percent

KINDS = {NORMAL: "false positive", COVID: "false negative"}
"""What a mistake is, by what the image is."""
N_ON_PAPER = 8
"""How many of the images are printed: two rows, of whatever the filters leave."""
_PATH_LENGTH = 200


@dataclass(frozen=True)
class Call:
    """What a variant makes of an image."""

    variant: str
    probability: str
    wrong: bool


@dataclass(frozen=True)
class WrongImage:
    """An image that at least one variant has wrong."""

    row: int
    label: int
    name: str
    path: str
    alt: str
    calls: tuple[Call, ...]  # of every variant, in order
    maps: Mapping[str, AttentionMap]  # by variant: of the surest mistake first

    @property
    def wrong_by(self) -> list[str]:
        """The variants that have it wrong."""
        return [call.variant for call in self.calls if call.wrong]


@dataclass(frozen=True)
class WrongCount:
    """How many images one choice of the filters names, and how many of these are shown."""

    by: str
    kind: str
    about: str
    n: int
    total: int
    n_shown: int


@dataclass(frozen=True)
class WrongGallery:
    """The images that are shown, and for every choice of the filters how many there are."""

    images: tuple[WrongImage, ...]
    counts: tuple[WrongCount, ...]

    @property
    def n_mapped(self) -> int:
        """How many of the images have a map."""
        return sum(bool(image.maps) for image in self.images)


def wrong_images(
    artifacts: Artifacts, found: pd.DataFrame, maps: Mapping[str, Mapping[int, AttentionMap]]
) -> Iterator[WrongImage]:
    """Describe images, in their order.

    Args:
        artifacts: The run's.
        found: Which, as `mistakes` returns them.
        maps: The maps that there are, by variant and row.
    """
    names = list(artifacts.predictions)
    for row, content in zip(found.index, found.to_dict("records"), strict=True):
        label, path = int(content["label"]), str(content["path"])
        calls = tuple(_call(name, content[name], label) for name in names)
        surest = sorted(
            (call for call in calls if call.wrong and row in maps.get(call.variant, {})),
            key=lambda call: -abs(content[call.variant] - label),
        )
        name = caption_of(path)
        yield WrongImage(
            row=int(row),
            label=label,
            name=name,
            path=one_line(path, _PATH_LENGTH),
            alt=f"{kind_of(artifacts)} {name}: is {CLASS_NAMES[label]}",
            calls=calls,
            maps={call.variant: maps[call.variant][row] for call in surest},
        )


def count_choices(
    images: Sequence[WrongImage], *, n_shown: int, of: ByClass[int], basis: Basis
) -> Iterator[WrongCount]:
    """Count the images of every choice: any variant or one, all mistakes or one kind.

    Args:
        images: All that are wrong.
        n_shown: How many of them, from the first, are shown.
        of: How many images of each class there are.
        basis: Which images these are.
    """
    names = [call.variant for call in images[0].calls] if images else []
    totals = {None: of.covid + of.normal, NORMAL: of.normal, COVID: of.covid}
    for name, (label, total) in product([None, *names], totals.items()):
        chosen = [
            (name is None or name in image.wrong_by) and label in (None, image.label)
            for image in images
        ]
        yield WrongCount(
            by=f"by-{name or 'any'}",
            kind=f"kind-{'all' if label is None else label}",
            about=_about(name, label, basis),
            n=sum(chosen),
            total=total,
            n_shown=sum(chosen[:n_shown]),
        )


def _about(variant: str | None, label: int | None, basis: Basis) -> str:
    whom = "at least one variant" if variant is None else VARIANTS[variant].title
    if label is None:
        return f"{PART_NAMES[basis]} images are classified wrongly by {whom}"
    call = CLASS_NAMES[NORMAL if label == COVID else COVID]
    return f"{CLASS_NAMES[label]} {PART_NAMES[basis]} images are called {call} by {whom}"


def _call(variant: str, score: float, label: int) -> Call:
    return Call(
        variant, f"{percent(score)} COVID-19", wrong=(score >= THRESHOLD) != (label == COVID)
    )
