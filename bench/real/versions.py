"""What the controls see of every version of every image that a set may need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.frozen_features import frozen_features
from bench.real.disease import STRENGTHS
from bench.real.drawing import Part, Wanted, draw_versions, joined_tables
from bench.real.looking import AsRgb, find_lungs
from bench.real.shortcuts import SHORTCUTS
from cxr_tasks.audit.control_tests import Seen
from cxr_tasks.audit.features import masked_images
from cxr_tasks.audit.tables import intensity_table, outside_table

WANTED = Wanted(strengths=tuple(STRENGTHS), spoilt="moderate", shortcuts=tuple(SHORTCUTS))


@dataclass(frozen=True)
class Versions:
    """All versions of some images: those of the first image first, in the order of `WANTED`."""

    index: pd.DataFrame  # one row a version, as in a data set's index
    seen: Seen  # without what the file alone tells, which depends on the set
    found: NDArray[np.bool_]  # whether lungs were found, shape (n,)


def make_versions(part: Part, *, weights: Path | None, seed: int) -> Versions:
    """Draw all versions of some images, and look at them.

    Args:
        part: The images, and before them the number of the first, which decides what is drawn.
        weights: Of MobileNetV2; None for random ones.
        seed: Decides what is drawn.
    """
    grey, index = draw_versions(part, WANTED, seed=seed)
    images = AsRgb(grey)
    lungs = find_lungs(images)
    rows = range(len(images))
    tables = {
        "outside_intensity": outside_table((images[i] for i in rows), map(lungs.region, rows)),
        "whole_intensity": intensity_table(images[i] for i in rows),
    }
    features = {
        name: frozen_features(seen, weights) for name, seen in masked_images(images, lungs).items()
    }
    return Versions(index, Seen(tables, features), lungs.found)


def joined(parts: Sequence[Versions]) -> Versions:
    """Put the versions of all parts below each other."""
    seen = [each.seen for each in parts]
    tables = {name: joined_tables([each.tables[name] for each in seen]) for name in seen[0].tables}
    features = {
        name: np.concatenate([each.features[name] for each in seen]) for name in seen[0].features
    }
    index = pd.concat([each.index for each in parts], ignore_index=True)
    return Versions(index, Seen(tables, features), np.concatenate([each.found for each in parts]))
