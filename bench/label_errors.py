"""`python -m bench.label_errors`: how many wrong labels the ranking of labels finds.

Phantoms are drawn once, and looked at once by the project's own backbone. Sets of 120 to 200 of
them get wrong labels, a patient's all alike, for about 5 % of the images; a linear classifier on
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

from bench.results import markdown_table
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.statistics.confident_learning import rank_labels
from cxr_tasks.statistics.resampling import auc_of
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "label_errors.json"
N_SETS, N_DRAWN, SEED = 60, 1000, 5
SIZES = (120, 200)
WRONG_FRACTION, TOP_FRACTION, TARGET = 0.05, 0.1, 0.8
AUCS = (0.8, 0.9, 0.95, 0.98, 0.99)

_N_FOLDS, _PENALTY, _N_RESAMPLES = 5, 0.01, 4000
_MIN_DRAWN = 300

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Drawn images as the backbone sees them."""

    features: NDArray[np.float32]  # shape (n, 1280)
    labels: IntArray  # shape (n,); with which each was drawn
    patients: IntArray  # shape (n,)


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
    if options.images < _MIN_DRAWN:
        parser.error(f"--images {options.images}: sets are drawn from at least {_MIN_DRAWN}")
    started = time.monotonic()
    found = {}
    for difficulty in get_args(Difficulty):
        pool = draw_pool(options.images, difficulty, seed=options.seed)
        rngs = np.random.default_rng(options.seed).spawn(options.sets)
        found[difficulty] = summarise([try_set(pool, rng) for rng in rngs], seed=options.seed)
        print(f"{difficulty}: {options.sets} sets", file=sys.stderr, flush=True)
    results = {
        "n_sets": options.sets,
        "n_drawn": options.images,
        "sizes": list(SIZES),
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


def draw_pool(n_images: int, difficulty: Difficulty, *, seed: int) -> Pool:
    """Draw phantoms, and compute what the head of the frozen variant is given of each."""
    plan = plan_phantom(n_images, seed=seed)
    files = (draw_phantom(image, seed=seed, difficulty=difficulty) for image in plan)
    pixels = np.stack([decode_image(file).pixels for file in files])
    return Pool(
        _features(pixels),
        np.array([image.label for image in plan], np.int64),
        np.array([image.patient_number for image in plan], np.int64),
    )


def try_set(pool: Pool, rng: np.random.Generator) -> Outcome:
    """Take a set, make some labels wrong, and count what the ranking finds."""
    rows = _take(pool, int(rng.integers(SIZES[0], SIZES[1] + 1)), rng)
    patients = pool.patients[rows]
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
    """Lay the figures out as Markdown, a row for each difficulty."""
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
    for name, found in results["difficulties"].items():
        right = found["suspects_that_are_wrong_fraction"]
        rows.append(
            [
                name,
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


def _features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from cxr_tasks.training.keras_runtime import start_keras
    from cxr_tasks.training.networks import build_model
    from cxr_tasks.training.weights import OWN_WEIGHTS
    from cxr_tasks.variants import VARIANTS

    start_keras(threads=2, seed=0, card="")
    import keras

    model = build_model(VARIANTS["mobilenetv2_frozen"], seed=0, backbone_weights=OWN_WEIGHTS)
    features = keras.Model(model.inputs, model.get_layer("average").output)
    return np.asarray(features.predict(pixels, batch_size=32, verbose=0), np.float32)


def _take(pool: Pool, n_images: int, rng: np.random.Generator) -> IntArray:
    """Take whole patients, half of the images of each class."""
    taken: list[int] = []
    for label in (1, 0):
        of_class = np.flatnonzero(pool.labels == label)
        n_before = len(taken)
        for patient in rng.permutation(np.unique(pool.patients[of_class])):
            if len(taken) - n_before >= n_images // 2:
                break
            taken += of_class[pool.patients[of_class] == patient].tolist()
    return np.sort(np.array(taken, np.int64))


def _out_of_fold(
    features: NDArray[np.float32], labels: IntArray, patients: IntArray
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probabilities: NDArray[np.float64] = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=2000)),
        features,
        labels,
        groups=patients,
        cv=StratifiedGroupKFold(_N_FOLDS, shuffle=True, random_state=0),
        method="predict_proba",
    )[:, 1]
    return probabilities


def _mean(values: NDArray[np.float64], seed: int) -> dict[str, Any]:
    drawn = np.random.default_rng(seed).choice(values, (_N_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": float(values.mean()), "interval": [float(low), float(high)]}


def _spread(figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['mean']:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    sys.exit(main())
