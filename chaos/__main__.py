"""`python -m chaos`: kill stages at random moments, run them again, and look what is left."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chaos import results
from chaos.blows import KINDS, can_mount
from chaos.prefix import RECIPES, Prefix, Step, make_prefix
from chaos.rot import ARTIFACTS, flip_and_mend
from chaos.through_airflow import run_dag_and_kill
from chaos.trial import Outcome, try_once
from cxr_tasks.volume.progress import duration

_MAX_TRIES = 20
N_KILLED_UNDER_AIRFLOW = 4


def main() -> int:
    """Run the trials, and give 1 where one of them found a fault."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="cxr-chaos-") as folder:
        print("a finished run of each kind, as prefix ...", flush=True)
        prefixes = [make_prefix(recipe, Path(folder)) for recipe in RECIPES]
        if options.rot:
            return _flip_bits(prefixes, seed=options.seed)
        outcomes: list[Outcome] = []
        summed = results.add(outcomes, seed=options.seed)
        for outcome in _all_trials(prefixes, options):
            outcomes.append(outcome)
            summed = results.add(outcomes, seed=options.seed)
    print(f"\n{results.table(summed)}\n\nAll seeds so far, in {results.PATH}", flush=True)
    return int(any(_faults(outcome) for outcome in outcomes))


def _all_trials(prefixes: list[Prefix], options: argparse.Namespace) -> Iterator[Outcome]:
    yield from _trials(prefixes, options.kills, seed=options.seed)
    for number in range(options.airflow_runs):
        yield from _kill_under_airflow(prefixes[0], seed=[options.seed, number])


def _flip_bits(prefixes: list[Prefix], *, seed: int) -> int:
    """Flip a bit in each kind of artifact, and give how many were not noticed or not mended."""
    rng = np.random.default_rng(seed)
    n_faults = 0
    for artifact in ARTIFACTS:
        tried = (flip_and_mend(artifact, prefix, rng=rng) for prefix in prefixes)
        found = next(each for each in tried if each is not None)
        told = [found.not_noticed, found.not_mended, ", ".join(found.different_numbers)]
        faults = "; ".join(fault for fault in told if fault)
        n_faults += bool(faults)
        print(f"{found.artifact}: {faults or 'noticed, named and mended'}", flush=True)
    print(f"\n{len(ARTIFACTS) - n_faults} of {len(ARTIFACTS)} noticed, named and mended")
    return int(n_faults > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how many; default: 30")
    parser.add_argument(
        "--airflow-runs",
        type=int,
        default=1,
        metavar="N",
        help=f"whole runs of the DAG, {N_KILLED_UNDER_AIRFLOW} stages killed in each; default: 1",
    )
    parser.add_argument(
        "--rot", action="store_true", help="flip a bit in each of 20 kinds of artifact instead"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is hit, how and when")
    return parser


def _trials(prefixes: list[Prefix], n_kills: int, *, seed: int) -> Iterator[Outcome]:
    kinds = KINDS if can_mount() else tuple(kind for kind in KINDS if kind != "full volume")
    if len(kinds) < len(KINDS):
        print("No file system may be mounted here, so no volume is made full.", flush=True)
    steps = [
        (prefix, step)
        for prefix in prefixes
        for step in prefix.recipe.steps
        if step.stage in prefix.recipe.hit
    ]
    rng = np.random.default_rng(seed)
    # every step in turn, in another order each time round
    order = [at for _ in range(-(-n_kills // len(steps))) for at in rng.permutation(len(steps))]
    for number, at in enumerate(order[:n_kills], start=1):
        prefix, step = steps[at]
        started = time.monotonic()
        outcome = _try_until_hit(step, prefix, kinds, rng)
        told = "; ".join(_faults(outcome)) or "as if nothing had been"
        print(
            f"{number:3} {prefix.recipe.name} {step.name}: {outcome.kind}, ended with "
            f"{outcome.status} ({duration(time.monotonic() - started)}): {told}",
            flush=True,
        )
        yield outcome


def _kill_under_airflow(prefix: Prefix, *, seed: list[int]) -> Iterator[Outcome]:
    rng = np.random.default_rng(seed)
    steps = prefix.recipe.steps
    chosen = [steps[at] for at in rng.choice(len(steps), N_KILLED_UNDER_AIRFLOW, replace=False)]
    started = time.monotonic()
    for outcome in run_dag_and_kill(prefix, chosen, rng=rng):
        told = "; ".join(_faults(outcome)) or "as if nothing had been"
        took = duration(time.monotonic() - started)
        print(f"    {outcome.step}: {outcome.kind} (whole run {took}): {told}", flush=True)
        yield outcome


def _try_until_hit(
    step: Step, prefix: Prefix, kinds: tuple[str, ...], rng: np.random.Generator
) -> Outcome:
    """Try until a blow strikes: some limits are above what a step happens to need."""
    for _ in range(_MAX_TRIES):
        outcome = try_once(str(rng.choice(kinds)), step, prefix, rng=rng)
        if outcome is not None:
            return outcome
    raise RuntimeError(f"{step.name} could not be hit in {_MAX_TRIES} tries")


def _faults(outcome: Outcome) -> list[str]:
    found = {name: getattr(outcome, fault) for fault, name in results.FAULTS.items()}
    return [
        f"{name}: {what if isinstance(what, str) else ', '.join(what[:4])}"
        for name, what in found.items()
        if what
    ]


if __name__ == "__main__":
    sys.exit(main())
