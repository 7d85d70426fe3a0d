"""Which subgroup each image is in: the values of a field, and ages in bands."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.statistics.scores import BoolArray, IntArray

FIELDS = {
    **{name: title for name, title in ACQUISITION_FIELDS.items() if name != "follow_up"},
    "source": "source",
}
"""Columns of a data set's index with their titles; a later image says nothing of whose it is."""

MIN_GROUPS = 10
"""Of COVID-19 and of normal images, for a subgroup's figures to be shown."""

_ADULT, _OLDEST = 18, 200
_AGE_EDGES = (_ADULT, 40, 60, 80, _OLDEST)

IsEnough = Callable[[BoolArray], bool]


def values_of(index: pd.DataFrame, field: str, labels: IntArray, groups: IntArray) -> pd.Series:
    """Return the subgroup of each image by a field; empty where it is not known."""
    if field not in index:
        return pd.Series("", index=index.index)
    if field != "age":
        return index[field].astype(str).str.strip()
    return _age_bands(index["age"], lambda inside: has_enough(labels[inside], groups[inside]))


def has_enough(labels: IntArray, groups: IntArray) -> bool:
    """Return whether figures of these images may be shown: enough groups of each class."""
    return all(len(np.unique(groups[labels == each])) >= MIN_GROUPS for each in (0, 1))


def _age_bands(ages: pd.Series, is_enough: IsEnough) -> pd.Series:
    """Put ages into bands: children, and of adults as many of four as have enough images each.

    A band with too few goes with the next older one, the oldest with the one before. Children are
    never put together with adults.
    """
    years = pd.to_numeric(ages, errors="coerce").to_numpy(np.float64)
    edges = list(_AGE_EDGES)
    at = 0
    while len(edges) > 2 and at < len(edges) - 1:
        if is_enough((years >= edges[at]) & (years < edges[at + 1])):
            at += 1
        elif at + 2 < len(edges):
            del edges[at + 1]
        else:
            del edges[at]
            at = max(0, at - 1)
    bands = pd.Series("", index=ages.index)
    bands[years < _ADULT] = f"under {_ADULT}"
    for low, high in pairwise(edges):
        name = f"{low} or older" if high == _OLDEST else f"{low} to {high - 1}"
        bands[(years >= low) & (years < high)] = name
    return bands
