"""`python -m bench.rejection_rates`, behind `make rejection-rates`: tests that find what is not.

Two equally good models of 80 patients, and a model that is as good as always naming the larger
class, are drawn over and over; counted is how often a test rejects at its nominal 5 %. Tests that
take images as independent stand beside those over groups.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from bench.correlated import IntArray, draw_right
from bench.results import markdown_table
from cxr_tasks.statistics.exact_tests import chance_test, sign_flip_test
from cxr_tasks.statistics.significance import SIGNIFICANCE, mcnemar_p
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "rejection_rates.json"
N_PATIENTS, N_REPEATS, SEED = 80, 10_000, 1
ACCURACY = 0.85
"""Of both models that are compared."""

MIXED = "1, 1, 1, 9"
_SIZES: dict[str, IntArray] = {
    **{str(n): np.full(N_PATIENTS, n, np.int64) for n in (1, 2, 4, 10)},
    MIXED: np.tile(np.array([1, 1, 1, 9], np.int64), N_PATIENTS // 4),
}
_CORRELATIONS = (0.0, 0.3, 0.6)
_SHARES = (0.5, 0.7)

PValues = dict[str, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, test, count; write the rates and print them as a table."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: at least one is needed")
    if options.seed < 0:
        parser.error(f"--seed {options.seed}: seeds begin at 0")
    started = time.monotonic()
    rows = []
    for sizes, correlation in _cases():
        rows.append(_row(sizes, correlation, options))
        print(f"{len(rows)} of {len(_cases())} rows", file=sys.stderr, flush=True)
    results = {
        "n_patients": N_PATIENTS,
        "n_repeats": options.repeats,
        "seed": options.seed,
        "accuracy": ACCURACY,
        "nominal": SIGNIFICANCE,
        "rows": rows,
        "seconds": round(time.monotonic() - started, 1),
        "versions": versions(),
    }
    write_json(options.out, results)
    print(as_table(results))
    return 0


def rejection_rates(
    sizes: IntArray, correlation: float, *, n_repeats: int, seed: int
) -> dict[str, float]:
    """Count how often each test rejects where there is nothing to find.

    Args:
        sizes: For each patient how many images there are.
        correlation: Intra-class, of being right, in [0, 1).
        n_repeats: How often it is drawn.
        seed: Decides what is drawn.

    Returns:
        By test, a fraction in [0, 1].
    """
    rng = np.random.default_rng(seed)
    tests = [_pair_tests, *(_chance_tests(share) for share in _SHARES)]
    found: list[PValues] = [
        {name: p for test in tests for name, p in test(rng, sizes, correlation).items()}
        for _ in range(n_repeats)
    ]
    return {
        name: float(np.mean([each[name] < SIGNIFICANCE for each in found])) for name in found[0]
    }


def as_table(results: dict[str, Any]) -> str:
    """Lay the rates out as Markdown."""
    names = list(results["rows"][0]["rates"])
    rows = [
        (
            row["images_a_patient"],
            f"{row['correlation']:.1f}",
            *(f"{row['rates'][name]:.1%}" for name in names),
        )
        for row in results["rows"]
    ]
    return markdown_table(["images a patient", "correlation", *names], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.rejection_rates", description=__doc__)
    parser.add_argument("--repeats", type=int, default=N_REPEATS, help=f"by default {N_REPEATS}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"by default {SEED}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    return parser


def _cases() -> list[tuple[str, float]]:
    """Return every size with every correlation; single images have none."""
    return [
        (sizes, correlation)
        for sizes in _SIZES
        for correlation in _CORRELATIONS
        if sizes != "1" or correlation == 0
    ]


def _row(sizes: str, correlation: float, options: argparse.Namespace) -> dict[str, Any]:
    rates = rejection_rates(
        _SIZES[sizes], correlation, n_repeats=options.repeats, seed=options.seed
    )
    return {"images_a_patient": sizes, "correlation": correlation, "rates": rates}


def _pair_tests(rng: np.random.Generator, sizes: IntArray, correlation: float) -> PValues:
    first, second = (draw_right(rng, sizes, ACCURACY, correlation) for _ in range(2))
    found = sign_flip_test(first, second, _groups(sizes))
    return {
        "McNemar": mcnemar_p(found.n_only_first_right, found.n_only_second_right),
        "sign flips over groups": found.p_value,
    }


def _chance_tests(share: float) -> Callable[[np.random.Generator, IntArray, float], PValues]:
    """Test a model that is right as often as naming the larger class, of this share, is."""

    def test(rng: np.random.Generator, sizes: IntArray, correlation: float) -> PValues:
        labels = _labels(sizes, share)
        chance = max(labels.mean(), 1 - labels.mean())
        right = draw_right(rng, sizes, chance, correlation)
        by_images = binomtest(int(right.sum()), len(right), chance, alternative="greater")
        by_groups = chance_test(right, labels, _groups(sizes))
        return {
            f"binomial, {share:.0%}": float(by_images.pvalue),
            f"over groups, {share:.0%}": by_groups.p_value,
        }

    return test


def _labels(sizes: IntArray, share: float) -> IntArray:
    """Assign each patient's images one label, the larger class about this share of the patients."""
    of_patients = (np.arange(len(sizes)) % 10 >= 10 * share).astype(np.int64)
    return np.repeat(of_patients, sizes)


def _groups(sizes: IntArray) -> IntArray:
    return np.repeat(np.arange(len(sizes)), sizes)


if __name__ == "__main__":
    sys.exit(main())
