"""`python -m bench.learning_curve`: how near the learning curve comes to what more images bring.

From a pool of phantoms, whose features are computed once, sets of 100 images are drawn by patients.
Each gives the AUC that it expects of 300. The truth is the mean AUC of trainings on 300 images of
the pool, tested on the rest of it. Beside it stands what no curve can hope to beat by much: the
AUC that ridges trained on 300 other images score on the 100.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from bench.phantom_pool import Pool, draw_pool
from bench.results import markdown_table
from cxr_tasks.statistics.feature_maps import standardised
from cxr_tasks.statistics.learning_curve import expect, fit_law
from cxr_tasks.statistics.learning_curve_points import Images, measure_curve
from cxr_tasks.statistics.permutation_test import RIDGE
from cxr_tasks.statistics.resampling import auc_of
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "learning_curve.json"
N_SETS, N_POOL, SEED = 60, 2000, 20_000
N_IMAGES, TIMES_MORE = 100, 3
NEAR = 0.02
N_TRUE = 60
"""Trainings whose mean AUC is the truth."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw pools and sets, expect, compare; write the figures and print them as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning_curve", description=__doc__)
    parser.add_argument("--sets", type=int, default=N_SETS, help=f"by default {N_SETS}")
    parser.add_argument("--pool", type=int, default=N_POOL, help=f"images, by default {N_POOL}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.sets < 1 or options.pool < 1000:
        parser.error("at least one set and a pool of 1000 images are needed")
    started = time.process_time()
    found = {}
    for difficulty in ("hard", "easy"):
        pool = draw_pool(options.pool, seed=SEED, difficulty=difficulty)
        found[difficulty] = compare(pool, n_sets=options.sets)
        print(f"{difficulty}: done", file=sys.stderr, flush=True)
    results = {
        "n_sets": options.sets,
        "n_pool": options.pool,
        "n_images": N_IMAGES,
        "expected_at": TIMES_MORE * N_IMAGES,
        "near": NEAR,
        "difficulties": found,
        "cpu_seconds": round(time.process_time() - started, 1),
        "versions": versions(),
    }
    write_json(options.out, results)
    print(as_table(results))
    return 0


def compare(pool: Pool, *, n_sets: int) -> dict[str, Any]:
    """Expect the AUC of three times the images from every set, and compare it with the truth."""
    n_more = TIMES_MORE * N_IMAGES
    truth = _truth(pool, n_more)
    expected, intervals, measured, oracle = [], [], [], []
    for number in range(n_sets):
        rng = np.random.default_rng([SEED, number])
        rows = pool.take(N_IMAGES, rng)
        features = standardised(pool.features[rows])  # as the audit has them: by the set alone
        images = Images(features @ features.T, pool.labels[rows], pool.groups[rows])
        curve, spread = measure_curve(images, rng)
        found = expect(fit_law(curve, spread), TIMES_MORE, N_IMAGES)
        expected.append(found.auc)
        intervals.append(found.interval)
        measured.append(1 - float(curve.errors[-1]))
        others = pool.take(n_more, rng, without=rows)
        oracle.append(area(pool, others, rows))
    ends = np.array(intervals)
    return {
        "true_auc": truth,
        "expected": _against(np.array(expected), truth)
        | {
            "covered": float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()),
            "mean_width": float((ends[:, 1] - ends[:, 0]).mean()),
        },
        "trained_on_300_others": _against(np.array(oracle), truth),
        "sd_of_auc_at_80": float(np.std(measured)),
    }


def area(pool: Pool, trained: IntArray, tested: IntArray) -> float:
    """Return the AUC of a ridge on some rows of a pool, tested on others."""
    kernel = pool.kernel[np.ix_(trained, trained)] + RIDGE * np.eye(len(trained))
    signs = 2.0 * pool.labels[trained] - 1
    solved, ones = np.linalg.solve(kernel, np.stack([signs, np.ones(len(trained))], axis=1)).T
    weights = solved - solved.sum() / ones.sum() * ones
    scores = pool.kernel[np.ix_(tested, trained)] @ weights
    return float(auc_of(pool.labels[tested], scores)(np.ones((1, len(tested))))[0])


def as_table(results: dict[str, Any]) -> str:
    """Lay the figures out as Markdown."""
    rows = []
    for name, found in results["difficulties"].items():
        for title, key in (
            ("expected of 300", "expected"),
            ("300 others, on the 100", "trained_on_300_others"),
        ):
            each = found[key]
            rows.append(
                (
                    f"{name}: {title}",
                    f"{found['true_auc']:.3f}",
                    f"{each['near']:.0%}",
                    "{:.0%} to {:.0%}".format(*each["near_interval"]),
                    f"{each['bias']:+.3f}",
                    f"{each['sd']:.3f}",
                    f"{each['covered']:.0%}" if "covered" in each else "",
                    f"{each['mean_width']:.3f}" if "covered" in each else "",
                )
            )
    header = ["phantoms", "truth", "within 0.02", "95 %", "bias", "sd", "covered", "mean width"]
    return markdown_table(header, rows)


def _truth(pool: Pool, n_images: int) -> float:
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(N_TRUE):
        rows = pool.take(n_images, rng)
        rest = np.flatnonzero(~np.isin(pool.groups, pool.groups[rows]))
        found.append(area(pool, rows, rest))
    return float(np.mean(found))


def _against(values: FloatArray, truth: float) -> dict[str, Any]:
    n_near = int((np.abs(values - truth) <= NEAR).sum())
    interval = binomtest(n_near, len(values)).proportion_ci(method="exact")
    return {
        "near": n_near / len(values),
        "near_interval": [float(interval.low), float(interval.high)],
        "bias": float(values.mean() - truth),
        "sd": float(values.std()),
    }


if __name__ == "__main__":
    sys.exit(main())
