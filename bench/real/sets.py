"""Data sets drawn from real normals: labels by patient, disease and shortcuts by version."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.real.disease import STRENGTHS
from bench.real.drawing import PLAIN
from bench.real.normals import Normal
from bench.real.shortcuts import SHORTCUTS
from bench.real.versions import WANTED

FRACTIONS = (0.1, 0.3, 0.6, 1.0)
NULL, VIEW = "null", "view"


@dataclass(frozen=True)
class Kind:
    """One kind of data set."""

    title: str  # what a reader calls it
    covid: str  # the version of the images of the class COVID-19
    shortcut: str = ""  # what is planted in them, if anything
    fraction: float = 0.0  # in how many of them

    @property
    def is_clean(self) -> bool:
        """Whether any finding is a false alarm."""
        return not self.shortcut


def kinds() -> dict[str, Kind]:
    """Return every kind: clean ones first."""
    clean = {NULL: Kind("labels dealt at random by patient", PLAIN)} | {
        name: Kind(f"{name} disease drawn into the lungs", name) for name in STRENGTHS
    }
    titles = {name: each.title for name, each in SHORTCUTS.items()} | {VIEW: "AP, the others PA"}
    return clean | {
        f"{name}-{round(100 * fraction)}": Kind(title, WANTED.spoilt, name, fraction)
        for name, title in titles.items()
        for fraction in FRACTIONS
    }


@dataclass(frozen=True)
class DrawnSet:
    """One data set."""

    images: list[int]  # which of all normals, shape (n,)
    versions: list[str]  # in which version each is
    labels: NDArray[np.int64]  # shape (n,); 1 is COVID-19
    groups: NDArray[np.int64]  # shape (n,); images of one patient share a number


def draw_set(normals: Sequence[Normal], kind: Kind, *, n_images: int, seed: int) -> DrawnSet:
    """Draw patients and their labels, and choose the version of each image.

    Sets of one seed have the same patients and labels, but where the view is what is planted.
    """
    rng = np.random.default_rng(seed)
    of_patient: dict[str, list[int]] = {}
    for place, normal in enumerate(normals):
        of_patient.setdefault(normal.patient, []).append(place)
    if kind.shortcut == VIEW:
        chosen = _by_view(normals, of_patient, kind.fraction, n_images=n_images, rng=rng)
    else:
        chosen = _by_patient(of_patient, n_images=n_images, rng=rng)
    images = [place for places in chosen.values() for place, _ in places]
    labels = np.array([label for places in chosen.values() for _, label in places], np.int64)
    groups = np.repeat(np.arange(len(chosen)), [len(places) for places in chosen.values()])
    versions = [kind.covid if label else PLAIN for label in labels]
    if kind.shortcut in SHORTCUTS:
        covid = np.flatnonzero(labels)
        spoilt = rng.permutation(covid)[: round(kind.fraction * len(covid))]
        for place in spoilt:
            versions[place] = kind.shortcut
    return DrawnSet(images, versions, labels, groups)


def _by_patient(
    of_patient: dict[str, list[int]], *, n_images: int, rng: Generator
) -> dict[str, list[tuple[int, int]]]:
    """Fill both classes in turn with whole patients."""
    counts = [0, 0]
    chosen: dict[str, list[tuple[int, int]]] = {}
    for patient in rng.permutation(sorted(of_patient)):
        label = int(rng.integers(2)) if counts[0] == counts[1] else int(counts[0] > counts[1])
        room = n_images // 2 - counts[label]
        if room <= 0:
            continue
        places = of_patient[patient][:room]
        counts[label] += len(places)
        chosen[patient] = [(place, label) for place in places]
    return chosen


def _by_view(
    normals: Sequence[Normal],
    of_patient: dict[str, list[int]],
    fraction: float,
    *,
    n_images: int,
    rng: Generator,
) -> dict[str, list[tuple[int, int]]]:
    """Take for a fraction of both classes AP images for one, PA for the other; the rest as it is.

    The rest of either class has the views that all images have.
    """
    known = [place for place, normal in enumerate(normals) if normal.view in ("AP", "PA")]
    share = np.mean([normals[place].view == "AP" for place in known])
    wanted: dict[tuple[int, str], int] = {}
    for label, view in ((1, "AP"), (0, "PA")):
        n_class = n_images // 2
        n_set = round(fraction * n_class)
        n_ap = round(share * (n_class - n_set))
        wanted[label, "AP"] = n_ap + (n_set if view == "AP" else 0)
        wanted[label, "PA"] = n_class - n_set - n_ap + (n_set if view == "PA" else 0)
    chosen: dict[str, list[tuple[int, int]]] = {}
    for patient in rng.permutation(sorted(of_patient)):
        places = [place for place in of_patient[patient] if normals[place].view]
        labels = [int(each) for each in rng.permutation(2)]
        for label in labels:
            taken = []
            for place in places:
                key = (label, normals[place].view)
                if wanted.get(key, 0) > 0:
                    wanted[key] -= 1
                    taken.append((place, label))
            if taken:
                chosen[patient] = taken
                break
    return chosen
