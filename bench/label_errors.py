"""`python -m bench.label_errors`: how many wrong labels the ranking of labels finds.

Phantoms are drawn once, and looked at once by the project's own backbone. Sets of several sizes
of them get wrong labels, a patient's all alike, for about 5 % of the images; a linear classifier on
the features scores each image out of fold, whole patients apart, and the labels are ranked as
`evaluate` does it. The same sets with right labels tell how many suspects there are where nothing
is wrong. Sets share images: their spread says what other sets of these phantoms would give.

How many are found depends on the classifier, so it is also worked out what one of a given AUC
would find if its scores were normal in both classes.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from bench.phantom_pool import Pool, draw_pool
from bench.results import markdown_table
from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.statistics.confident_learning import rank_labels
from cxr_tasks.statistics.resampling import auc_of
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "label_errors.json"
N_SETS, N_DRAWN, SEED = 60, 2000, 5
SIZES = (160, 400, 1000)
WRONG_FRACTION, TOP_FRACTION, TARGET = 0.05, 0.1, 0.8
AUCS = (0.8, 0.9, 0.95, 0.98, 0.99)

_N_FOLDS, _REGULARISATION, _N_RESAMPLES = 5, 10.0, 4000


@dataclass(frozen=True)
class Outcome:
    """What the ranking gave in one set."""

    n_images: int
    n_wrong: int
    n_wrong_in_top_tenth: int
    n_suspects: int
    n_wrong_suspects: int
    n_suspects_of_clean: int  # in the same set with right labels
    auc: float  # of the probabilities behind the ranking, against the right labels


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, flip, rank, count; write the counts and print them as a table."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.sets < 1:
        parser.error(f"--sets {options.sets}: at least one is needed")
    if options.images < 2 * min(SIZES):
        parser.error(f"--images {options.images}: at least {2 * min(SIZES)} are drawn")
    started = time.monotonic()
    found: dict[str, dict[str, Any]] = {}
    sizes = [size for size in SIZES if 2 * size <= options.images]
    for difficulty in get_args(Difficulty):
        pool = draw_pool(options.images, seed=options.seed, difficulty=difficulty)
        found[difficulty] = {}
        for size in sizes:
            rngs = np.random.default_rng(options.seed).spawn(options.sets)
            tried = [try_set(pool, size, rng) for rng in rngs]
            found[difficulty][f"{size}"] = summarise(tried, seed=options.seed)
            print(f"{difficulty}, {size} images: {options.sets} sets", file=sys.stderr, flush=True)
    results = {
        "n_sets": options.sets,
        "n_drawn": options.images,
        "wrong_fraction": WRONG_FRACTION,
        "seed": options.seed,
        "difficulties": found,
        "recall_in_top_tenth_if_normal": {f"{auc}": recall_if_normal(auc) for auc in AUCS},
        "seconds": round(time.monotonic() - started, 1),
        "versions": versions(),
    }
    write_json(options.out, results)
    print(as_table(results))
    return 0


def try_set(pool: Pool, n_images: int, rng: np.random.Generator) -> Outcome:
    """Take a set, make some labels wrong, and count what the ranking finds."""
    rows = np.sort(pool.take(n_images, rng))
    patients = pool.groups[rows]
    are_wrong = choose_wrong(patients, rng)
    right = pool.labels[rows]
    labels = np.where(are_wrong, 1 - right, right)
    probabilities = _out_of_fold(pool.features[rows], labels, patients)
    clean = rank_labels(right, _out_of_fold(pool.features[rows], right, patients))
    ranking = rank_labels(labels, probabilities)
    n_top = int(TOP_FRACTION * len(rows))
    return Outcome(
        n_images=len(rows),
        n_wrong=int(are_wrong.sum()),
        n_wrong_in_top_tenth=int((are_wrong & (ranking.ranks <= n_top)).sum()),
        n_suspects=int(ranking.are_suspect.sum()),
        n_wrong_suspects=int((are_wrong & ranking.are_suspect).sum()),
        n_suspects_of_clean=int(clean.are_suspect.sum()),
        auc=float(auc_of(right, probabilities)(np.ones((1, len(rows))))[0]),
    )


def choose_wrong(patients: IntArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose patients until their images are at least the fraction that is to be wrong."""
    are_wrong = np.zeros(len(patients), np.bool_)
    for patient in rng.permutation(np.unique(patients)):
        if are_wrong.sum() >= WRONG_FRACTION * len(patients):
            break
        are_wrong |= patients == patient
    return are_wrong


def recall_if_normal(auc: float) -> float:
    """Work out which fraction of wrong labels lies in the top tenth of the ranking.

    Scores are normal with one spread in both classes, and a wrong label changes nothing else.

    Args:
        auc: Of the scores against the right labels, in (0.5, 1).
    """
    apart = np.sqrt(2) * norm.ppf(auc)

    def beyond(cut: float) -> float:
        right, wrong = norm.cdf(cut - apart / 2), norm.cdf(cut + apart / 2)
        return float((1 - WRONG_FRACTION) * right + WRONG_FRACTION * wrong - TOP_FRACTION)

    return float(norm.cdf(brentq(beyond, -10, 10) + apart / 2))


def summarise(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """Average over sets, with 95 % intervals by a bootstrap over them."""
    recalls = np.array([each.n_wrong_in_top_tenth / each.n_wrong for each in outcomes])
    clean = np.array([each.n_suspects_of_clean / each.n_images for each in outcomes])
    n_suspects, n_wrong_suspects, n_wrong = (
        sum(getattr(each, name) for each in outcomes)
        for name in ("n_suspects", "n_wrong_suspects", "n_wrong")
    )
    return {
        "recall_in_top_tenth": _mean(recalls, seed),
        "sets_that_reach_the_target_fraction": float((recalls >= TARGET).mean()),
        "suspects_that_are_wrong_fraction": n_wrong_suspects / n_suspects if n_suspects else None,
        "wrong_that_are_suspects_fraction": n_wrong_suspects / n_wrong,
        "suspects_of_a_clean_set_fraction": _mean(clean, seed),
        "auc": _mean(np.array([each.auc for each in outcomes]), seed),
        "sets": [vars(each) for each in outcomes],
    }


def as_table(results: dict[str, Any]) -> str:
    """Lay the figures out as Markdown, a row for each difficulty and size."""
    header = [
        "phantoms",
        "AUC",
        "of the wrong labels in the top tenth",
        f"sets with {TARGET:.0%} or more",
        "of the wrong labels suspect",
        "of the suspects wrong",
        "suspects where no label is wrong",
    ]
    rows = []
    for name, by_size in results["difficulties"].items():
        for size, found in by_size.items():
            right = found["suspects_that_are_wrong_fraction"]
            rows.append(
                [
                    f"{name}, {size} images",
                    f"{found['auc']['mean']:.3f}",
                    _spread(found["recall_in_top_tenth"]),
                    f"{found['sets_that_reach_the_target_fraction']:.0%}",
                    f"{found['wrong_that_are_suspects_fraction']:.0%}",
                    "none" if right is None else f"{right:.0%}",
                    _spread(found["suspects_of_a_clean_set_fraction"]),
                ]
            )
    return markdown_table(header, rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.label_errors", description=__doc__)
    parser.add_argument("--sets", type=int, default=N_SETS, help=f"by default {N_SETS}")
    parser.add_argument("--images", type=int, default=N_DRAWN, help=f"drawn; by default {N_DRAWN}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"by default {SEED}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    return parser


def _out_of_fold(features: FloatArray, labels: IntArray, patients: IntArray) -> FloatArray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    probabilities: FloatArray = cross_val_predict(
        LogisticRegression(C=_REGULARISATION, max_iter=2000),
        features,
        labels,
        groups=patients,
        cv=StratifiedGroupKFold(_N_FOLDS, shuffle=True, random_state=0),
        method="predict_proba",
    )[:, 1]
    return probabilities


def _mean(values: FloatArray, seed: int) -> dict[str, Any]:
    drawn = np.random.default_rng(seed).choice(values, (_N_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": float(values.mean()), "interval": [float(low), float(high)]}


def _spread(figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['mean']:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    sys.exit(main())
