"""One data set with each shortcut planted, remedied in each way: what the score becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from bench.real.normals import Normal
from bench.real.sets import DrawnSet, Kind, draw_set
from bench.remedies.seen import NONE, NOTHING, PLANTED, REMEDIES, WANTED, SeenWay
from cxr_tasks.audit.audit_record import ControlFacts
from cxr_tasks.audit.control_tests import Seen, Tested, ask_controls, divide
from cxr_tasks.audit.controls import file_tables
from cxr_tasks.remedies.alike import makes_equal
from cxr_tasks.remedies.change import ToldTwice, TwiceScored, judge
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.permutation_test import permutation_test
from cxr_tasks.statistics.scores import FloatArray, IntArray

WEAK = 0.3
"""The fraction of a class that carries a shortcut, where a control may tell or not."""

_MODEL = "ridge on frozen features"


@dataclass(frozen=True)
class Trial:
    """A shortcut in a data set, and a remedy."""

    shortcut: str
    remedy: str
    fraction: float  # of the class that carries it
    first_auc: float  # with the shortcut
    after_auc: float  # with the remedy
    told: bool  # whether a control was above chance at first
    tells: bool  # whether one is with the remedy
    useful: bool


@dataclass(frozen=True)
class Clean:
    """The same data set without a shortcut, in one way."""

    way: str
    auc: float
    told: bool  # whether a control was above chance: a false alarm


@dataclass(frozen=True)
class _Asked:
    controls: Mapping[str, ControlFacts]
    control_scores: Mapping[str, FloatArray]
    model_scores: FloatArray
    model_auc: float

    @property
    def telling(self) -> list[str]:
        return [
            name
            for name, each in self.controls.items()
            if each.role == "control" and each.above_chance
        ]


@dataclass
class _Given:
    """What a process that tries sets is given once."""

    normals: Sequence[Normal]
    ways: Mapping[str, SeenWay]
    n_images: int


_given: list[_Given] = []


def start_trying(normals: Sequence[Normal], ways: Mapping[str, SeenWay], n_images: int) -> None:
    """Keep in a process what all of its sets are drawn from; it has a core to itself."""
    threadpool_limits(1)
    _given.append(_Given(normals, ways, n_images))


def try_set(seed: int) -> tuple[list[Trial], list[Clean]]:
    """Draw a data set; plant, remedy and judge in every way."""
    [given] = _given
    normals, ways, n_images = given.normals, given.ways, given.n_images
    clean = draw_set(normals, Kind("", WANTED.spoilt), n_images=n_images, seed=seed)
    cleans = []
    for way in (NONE, *REMEDIES):
        asked = _ask(ways[way], clean, seed=seed)
        cleans.append(Clean(way, asked.model_auc, bool(asked.telling)))
    trials = []
    for name in PLANTED:
        for fraction, remedies in ((1.0, (*REMEDIES, NOTHING)), (WEAK, (NOTHING,))):
            drawn = _planted(clean, name, fraction, seed=seed)
            first = _ask(ways[NONE], drawn, seed=seed)
            for remedy in remedies:
                after = _ask(ways[remedy], drawn, seed=seed)
                trials.append(_trial(name, remedy, fraction, drawn, first, after, seed=seed))
    return trials, cleans


def _planted(clean: DrawnSet, name: str, fraction: float, *, seed: int) -> DrawnSet:
    covid = np.flatnonzero(clean.labels)
    chosen = np.random.default_rng(seed).permutation(covid)[: round(fraction * len(covid))]
    versions = list(clean.versions)
    for place in chosen:
        versions[place] = name
    return DrawnSet(clean.images, versions, clean.labels, clean.groups)


def _ask(way: SeenWay, drawn: DrawnSet, *, seed: int) -> _Asked:
    rows = WANTED.rows(drawn.images, drawn.versions)
    tables = {
        "metadata": file_tables(way.index.iloc[rows])["metadata"],
        "outside_intensity": way.outside.iloc[rows],
    }
    folds = divide(drawn.labels, drawn.groups, seed=seed)
    seen = Seen(tables, {"outside_lungs": way.outside_features[rows]})
    controls, scores = ask_controls(seen, Tested(drawn.labels, drawn.groups, folds), seed=seed)
    model_scores, auc = _model(way.whole_features[rows], drawn.labels, drawn.groups, folds)
    return _Asked(controls, scores, model_scores, auc)


def _model(
    features: FloatArray, labels: IntArray, groups: IntArray, folds: IntArray
) -> tuple[FloatArray, float]:
    values = standardised(features)
    test = permutation_test(values, labels, groups, folds, seed=0, n_permutations=1)
    return test.scores, test.auc


def _trial(
    shortcut: str,
    remedy: str,
    fraction: float,
    drawn: DrawnSet,
    first: _Asked,
    after: _Asked,
    *,
    seed: int,
) -> Trial:
    def twice(before: FloatArray, now: FloatArray) -> TwiceScored:
        return TwiceScored(drawn.labels, drawn.groups, before, now)

    told = {
        name: ToldTwice(
            first.controls[name].title,
            twice(first.control_scores[name], after.control_scores[name]),
            after.controls[name].above_chance,
            made_equal=makes_equal(remedy, name),
        )
        for name in first.telling
    }
    model = {_MODEL: (_MODEL, twice(first.model_scores, after.model_scores))}
    change = judge(told, model, judged=_MODEL, newly_above_chance=[], seed=seed)
    return Trial(
        shortcut,
        remedy,
        fraction,
        first.model_auc,
        after.model_auc,
        bool(told),
        bool(after.telling),
        change.useful,
    )
