"""Which locks guard what on the shared volume: those that its makers take."""

import re
from pathlib import Path

from cxr_tasks.data.sources.kaggle import KaggleFolder
from cxr_tasks.errors import CxrError
from cxr_tasks.runs.run import read_config
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.leftovers import owner_of
from cxr_tasks.volume.paths import STAGES, Home, RunPaths

_WITH_VARIANT = ("train", "fold")
_BESIDE_STAGES = ("start", "failure")


def locks_of_run(run: RunPaths) -> list[Path]:
    """Give every lock that something in a run may hold, also those that nobody took yet.

    The names are built, not searched for: a run's name may begin with another run's.
    """
    alone = [stage for stage in STAGES if stage not in _WITH_VARIANT]
    locks = [run.lock(stage) for stage in (*_BESIDE_STAGES, *alone)]
    locks += [run.lock("train", variant) for variant in VARIANTS]
    folds = range(1, _n_folds(run) + 1)
    return locks + [
        run.lock("fold", f"{variant}-fold-{number}") for variant in VARIANTS for number in folds
    ]


def lock_of_dataset(home: Home, fingerprint: str) -> Path:
    """Give the lock of whoever ingests a data set."""
    return home.locks / f"dataset-{fingerprint}.lock"


def lock_of_activations(home: Home, key: str) -> Path:
    """Give the lock of whoever computes activations, or finds them computed."""
    return home.locks / f"activations-{key}.lock"


def kaggle_folder(home: Home, handle: str) -> KaggleFolder:
    """Give the place of a Kaggle download, which knows its lock."""
    return KaggleFolder(handle, home.cache / "kaggle")


def locks_of_leftover(home: Home, path: Path) -> list[Path] | None:
    """Give the locks without which nobody works on what a leftover was to be.

    Returns:
        None where it is not known whose it is.
    """
    place, *rest = path.relative_to(home.root).parts
    kind = f"{place}/{rest[0]}" if place == "cache" and rest else place
    rest = rest[1:] if place == "cache" else rest
    owner = _owner(rest)
    if not rest:
        return [home.locks / "watch.lock"] if owner_of(place) == "watch.json" else None
    if owner is None:
        return None
    if kind == "runs":
        return _of_run_named(home, owner)
    one = {
        "datasets": lock_of_dataset(home, owner),
        "scores": home.locks / f"scores-{owner}.lock",
        "champion": home.locks / "champion.lock",
        "cache/activations": lock_of_activations(home, owner),
        "cache/backbones": home.locks / "backbones.lock",
        "cache/kaggle": kaggle_folder(home, handle_of(owner)).lock,
    }.get(kind)
    return None if one is None else [one]


def handle_of(folder_name: str) -> str:
    """Give the Kaggle data set, OWNER/SLUG or OWNER/SLUG/5, from the name of its folder."""
    return folder_name.replace(".", "/")


def _owner(parts: list[str]) -> str | None:
    """Name the thing that a leftover is of, or lies in."""
    if not parts:
        return None
    return parts[0] if len(parts) > 1 else owner_of(parts[0])


def _of_run_named(home: Home, name: str) -> list[Path] | None:
    try:
        return locks_of_run(home.run(name))
    except CxrError:  # no run can have this name
        return None


def _n_folds(run: RunPaths) -> int:
    """Give the number of a run's folds: of its settings, or of the locks that were taken."""
    pattern = re.compile(re.escape(f"run-{run.key}-fold-") + r"[a-z0-9_]+-fold-(\d+)\.lock")
    names = [path.name for path in run.home.locks.glob(f"run-{run.key}-fold-*.lock")]
    taken = max((int(match[1]) for name in names if (match := pattern.fullmatch(name))), default=0)
    try:
        config = read_config(run)
    except CxrError:
        return taken
    return max(taken, config.folds * config.repeats)
