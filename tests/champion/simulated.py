"""Two models of known quality on drawn images, to count how often the rule decides what.

`python -m tests.champion.simulated 2000` prints rates, with so many seeds for each.
"""

import sys
from collections import Counter

import numpy as np

from bench.challenges import draw_answers, draw_noise
from cxr_tasks.champion.contest import Contest, compare, conclude


def simulate(
    *, n_groups_per_class: int, champion: float, challenger: float, seed: int, n_variants: int = 1
) -> str:
    """Let two models compete once, and give what the rule says.

    Args:
        n_groups_per_class: Patients of each class, two images of each.
        champion: Half the distance of the classes' mean scores, in standard deviations.
        challenger: The same of each of the challenger's variants.
        seed: Decides everything.
        n_variants: Of so many equal variants the most accurate challenges.
    """
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(2 * n_groups_per_class), 2)
    labels = (groups % 2).astype(np.int64)
    shared = draw_noise(rng, groups)
    variants = [draw_answers(rng, labels, groups, shared, challenger) for _ in range(n_variants)]
    best = max(variants, key=lambda each: np.mean((each.probabilities >= 0.5) == labels))
    theirs = draw_answers(rng, labels, groups, shared, champion)
    return conclude(compare(Contest(labels, groups, best, theirs), seed=seed))


def _print_rates(n_seeds: int) -> None:
    print("distances are of AUC 0.950 (1.163), 0.970 (1.330), 0.985 (1.534)")
    for n, challenger, variants in (
        (25, 1.163, 1),
        (50, 1.163, 1),
        (150, 1.163, 1),
        (150, 1.163, 4),
        (25, 1.534, 1),
        (50, 1.330, 1),
        (50, 1.534, 1),
        (150, 1.330, 1),
        (150, 1.534, 1),
    ):
        rates = Counter(
            simulate(
                n_groups_per_class=n,
                champion=1.163,
                challenger=challenger,
                seed=seed,
                n_variants=variants,
            )
            for seed in range(n_seeds)
        )
        text = ", ".join(f"{name} {rates[name] / n_seeds:.2%}" for name in sorted(rates))
        print(f"{n} groups a class, {challenger}, best of {variants}: {text}", flush=True)


if __name__ == "__main__":
    _print_rates(int(sys.argv[1]))
