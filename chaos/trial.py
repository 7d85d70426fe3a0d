"""One trial: a stage of a copied run is hit, run again with all behind it, and looked at."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaos.aftermath import end, false_wholes_of, held_locks_of, orphans_of
from chaos.blows import Struck, strike, volume
from chaos.numbers import numbers_of, tree_of
from chaos.prefix import RUN, Prefix, Step, run_python

_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Outcome:
    """What a trial has found; every list should be empty."""

    step: str  # what was hit
    kind: str  # how
    status: int  # how the process that was hit ended
    unclear: str  # the last line it printed, where it had a chance to say what is wrong and did not
    different_numbers: list[str]  # files that say something else than those of the undisturbed run
    leftovers: list[str]  # files and folders that the undisturbed run has not, or that are missing
    orphans: list[str]  # processes that went on
    locks_held: list[str]  # lock files that stayed locked
    false_wholes: list[str]  # records of what is not whole, before anything was run again
    failed_again: str = ""  # why the run could not be gone on with; empty where it could


def try_once(kind: str, step: Step, prefix: Prefix, *, rng: np.random.Generator) -> Outcome | None:
    """Hit a step of a copy of the prefix; None where it had done its work before it was hit.

    Args:
        kind: One of `KINDS`.
        step: What is hit.
        prefix: A finished run.
        rng: Decides the moment, or the limit.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cxr-chaos-") as place,
        volume(Path(place), kind=kind) as home,
    ):
        prefix.copy(home)
        take_back(step, prefix, home)
        struck = strike(kind, step, prefix, home, rng=rng)
        if not struck.was_hit:
            return None
        try:
            return _look(kind, step, prefix, home, struck)
        finally:
            end(home)


def take_back(step: Step, prefix: Prefix, home: Path) -> None:
    """Remove what a step and those behind it have made."""
    steps = prefix.recipe.steps
    for later in steps[steps.index(step) :]:
        for folder in later.makes(home):
            shutil.rmtree(folder, ignore_errors=True)


def _look(kind: str, step: Step, prefix: Prefix, home: Path, struck: Struck) -> Outcome:
    orphans, locks = orphans_of(home), held_locks_of(home)
    false = false_wholes_of(home)
    steps = prefix.recipe.steps
    failed = ""
    try:
        for later in steps[steps.index(step) :]:
            run_python(["-m", "cxr_tasks", *later.command, "--run", RUN], home)
    except RuntimeError as err:
        failed = str(err)
    numbers, expected = numbers_of(home), numbers_of(prefix.home)
    return Outcome(
        step=step.name,
        kind=kind,
        status=struck.status,
        unclear=_unclear(struck),
        different_numbers=sorted(
            name for name in numbers.keys() & expected.keys() if numbers[name] != expected[name]
        ),
        leftovers=sorted(only_here(tree_of(home), tree_of(prefix.home))),
        orphans=orphans,
        locks_held=locks,
        false_wholes=false,
        failed_again=failed,
    )


def only_here(tree: set[str], expected: set[str]) -> set[str]:
    """Name what is left over, and what is missing but for caches, which may be made later."""
    missing = {name for name in expected - tree if not name.startswith("cache")}
    return (tree - expected) | missing


def _unclear(struck: Struck) -> str:
    """Return the last line where a process ended with a traceback, or said nothing.

    A process that a signal has ended had no chance to say why.
    """
    lines = struck.output.strip().splitlines() or ["it printed nothing"]
    if struck.status < 0 or (lines != ["it printed nothing"] and _TRACEBACK not in struck.output):
        return ""
    return f"exit status {struck.status}: {lines[-1][:200]}"
