"""`python -m bench.challenges`: how often a champion falls to challengers that are no better.

A year of weekly challengers, each as good as the champion, goes through the pipeline's own rule,
at a level that is spent over the challenges and at a fixed one, with the same test images every
week and with fresh ones. Counted are the years in which at least one challenger was promoted, and
what the spending costs: how often one that is better is promoted at its turn.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bench.results import markdown_table
from cxr_tasks.champion.challenges import FIXED, SPENT, challenge_level_of
from cxr_tasks.champion.contest import Answers, Contest, compare, conclude
from cxr_tasks.statistics.intervals import wilson
from cxr_tasks.statistics.scores import FloatArray, IntArray

N_WEEKS, N_YEARS, N_GROUPS = 52, 400, 100
TURNS = (1, 10, 52)
CORRELATION = 0.5
"""Of two models' errors: an image that is hard for one is hard for the other."""
EQUAL, BETTER = 1.163, 1.534
"""Half the distance of the classes' mean scores, in standard deviations: AUC 0.950 and 0.985."""

_IS_OPEN = 1.5
"""A gain of fewer standard errors than this is never promoted at 5 %, and not resampled."""


@dataclass(frozen=True)
class Rivals(Contest):
    """A contest with what makes an image hard for every model; `shared` has shape (n,)."""

    shared: FloatArray


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate the years and print the table."""
    options = _parser().parse_args(arguments)
    years = [_years(options, is_fresh=is_fresh) for is_fresh in (False, True)]
    rows = [
        [f"`{kind}`", *(_rate([year[kind] for year in each]) for each in years)]
        for kind in (FIXED, SPENT)
    ]
    header = ["`challenge_level`", "same test images", "fresh test images"]
    print(markdown_table(header, rows))
    print(f"\nA challenger of AUC 0.985 against 0.950, of {options.years} promoted:")
    for kind, turn in ((FIXED, 1), *((SPENT, turn) for turn in TURNS)):
        told = _rate(_better_ones(options, level=challenge_level_of(turn, kind)))
        print(f"{kind}, challenge {turn}: {told}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.challenges", description=__doc__)
    parser.add_argument("--years", type=int, default=N_YEARS, help="how many series")
    parser.add_argument("--weeks", type=int, default=N_WEEKS, help="challenges in each")
    parser.add_argument("--groups", type=int, default=N_GROUPS, help="patients, of two images each")
    return parser


def _years(options: argparse.Namespace, *, is_fresh: bool) -> list[dict[str, bool]]:
    return [
        simulate_year(seed=seed, n_weeks=options.weeks, n_groups=options.groups, is_fresh=is_fresh)
        for seed in range(options.years)
    ]


def _better_ones(options: argparse.Namespace, *, level: float) -> list[bool]:
    promoted = []
    for seed in range(options.years):
        rng = np.random.default_rng(seed)
        contest = _draw_contest(rng, options.groups, challenger=BETTER)
        promoted.append(conclude(compare(contest, seed=seed, level=level)) == "better")
    return promoted


def _rate(found: list[bool]) -> str:
    low, high = wilson(sum(found), len(found)) or (0.0, 1.0)
    return f"{100 * np.mean(found):.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def simulate_year(*, seed: int, n_weeks: int, n_groups: int, is_fresh: bool) -> dict[str, bool]:
    """Return for both settings of `challenge_level` whether an equal challenger was promoted.

    Args:
        seed: Decides everything.
        n_weeks: One challenger each.
        n_groups: Patients, half of each class, two images of each.
        is_fresh: Whether each week has other images.
    """
    rng = np.random.default_rng(seed)
    fallen = {SPENT: False, FIXED: False}
    contest = None
    for week in range(1, n_weeks + 1):
        contest = _draw_contest(rng, n_groups, like=None if is_fresh else contest)
        if standard_errors(contest) < _IS_OPEN:
            continue
        for kind in (kind for kind, has_fallen in fallen.items() if not has_fallen):
            figures = compare(contest, seed=seed, level=challenge_level_of(week, kind))
            fallen[kind] = conclude(figures) == "better"
    return fallen


def _draw_contest(
    rng: np.random.Generator,
    n_groups: int,
    *,
    challenger: float = EQUAL,
    like: Rivals | None = None,
) -> Rivals:
    """Draw two models on new images, or another challenger on those of an earlier contest."""
    groups = np.repeat(np.arange(n_groups), 2)
    labels = (groups % 2).astype(np.int64)
    shared = draw_noise(rng, groups) if like is None else like.shared
    theirs = draw_answers(rng, labels, groups, shared, EQUAL) if like is None else like.champion
    own = draw_answers(rng, labels, groups, shared, challenger)
    return Rivals(labels, groups, own, theirs, shared)


def draw_answers(
    rng: np.random.Generator,
    labels: IntArray,
    groups: IntArray,
    shared: FloatArray,
    distance: float,
) -> Answers:
    """Draw a calibrated model's probabilities: its scores are normal with variance 1."""
    noise = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * draw_noise(rng, groups)
    probabilities = expit(2 * distance * (distance * (2 * labels - 1) + noise))
    return Answers(probabilities, (probabilities >= 0.5).astype(np.int64))


def draw_noise(rng: np.random.Generator, groups: IntArray) -> FloatArray:
    """Draw what is half the patient's and half the image's own."""
    of_groups = rng.normal(size=groups.max() + 1)[groups]
    return np.asarray(np.sqrt(0.5) * (of_groups + rng.normal(size=len(groups))))


def standard_errors(contest: Contest) -> float:
    """Return how many standard errors over groups the gain in the Brier score is."""
    losses = [
        (each.probabilities - contest.labels) ** 2
        for each in (contest.champion, contest.challenger)
    ]
    of_groups = np.bincount(contest.groups, losses[0] - losses[1])
    return float(of_groups.mean() / of_groups.std() * np.sqrt(len(of_groups)))


if __name__ == "__main__":
    sys.exit(main())
