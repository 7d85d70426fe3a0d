"""Small finished runs, from whose copies the trials begin."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from chaos.struck import Blow
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home

_ROOT = Path(__file__).parent.parent

RUN = "chaos"
N_IMAGES = 72
"""Enough that ingestion decodes in worker processes."""


@dataclass(frozen=True)
class Step:
    """A stage with its arguments on the command line, as it is killed and run again."""

    stage: str
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name it in the table."""
        return " ".join((self.stage, *self.arguments[1::2]))

    @property
    def command(self) -> list[str]:
        """Return the command line behind `python -m cxr_tasks`."""
        return [self.stage, *self.arguments]

    def makes(self, home: Path) -> list[Path]:
        """Name the folders of a shared volume that it makes."""
        run = Home(home).run(RUN)
        if self.stage in ("train", "fold"):
            variant = self.arguments[1]
            return [run.train(variant), run.training(variant), home / "cache"]
        beside = {"ingest": [home / "datasets"], "promote": [home / "champion"]}
        return [run.root / self.stage, *beside.get(self.stage, [])]


@dataclass(frozen=True)
class Recipe:
    """A kind of small run."""

    name: str  # of its folder
    settings: dict[str, Any]  # of its configuration, beside those of all
    steps: tuple[Step, ...]  # its stages in order; each depends on all before it
    hit: tuple[str, ...]  # the stages that are hit


def _recipe(name: str, variant: str, hit: Sequence[str], **settings: Any) -> Recipe:
    flags = ("--variant", variant)
    before = [Step(stage) for stage in ("ingest", "split", "audit")]
    trained = [Step("fold", (*flags, "--fold", "1"))] if settings.get("folds") else []
    trained.append(Step("train", flags))
    after = [Step(stage) for stage in ("evaluate", "report", "promote")]
    steps = (*before, *trained, *after)
    return Recipe(name, {"variants": [variant], **settings}, steps, tuple(hit))


RECIPES = (
    _recipe(
        "plain",
        "vanilla_cnn",
        ["ingest", "split", "audit", "train", "evaluate", "report", "promote"],
        epochs=6,
    ),
    _recipe(
        "folded",
        "mobilenetv2_frozen",
        ["audit", "fold", "train", "evaluate"],
        epochs=4,
        folds=2,
        weights="random",
    ),
)
"""One that trains in its own process; one with folds in children, and cached activations, of which
only those stages are hit that do something else than the first one's."""


@dataclass(frozen=True)
class Prefix:
    """A finished run, and what its steps take undisturbed."""

    recipe: Recipe  # what it is
    home: Path  # its shared volume
    settings: dict[str, Any]  # its whole configuration, as a person would give it
    seconds: dict[str, float]  # how long each step takes as a process, by its name
    # how often each step changes the shared volume from Python, by its name
    n_changes: dict[str, int]

    def copy(self, target: Path) -> Home:
        """Copy the shared volume, so that one trial knows nothing of another."""
        shutil.copytree(self.home, target, symlinks=True, dirs_exist_ok=True)
        return Home(target)


def make_prefix(recipe: Recipe, folder: Path) -> Prefix:
    """Draw the images and run every stage to its end, each timed and its changes counted."""
    images = folder / "images"
    if not images.exists():
        draw_images(images)
    home = folder / recipe.name
    common = {
        "source": "folder",
        "data": str(images),
        "allow_shortcut": True,
        "patience": 9,
        "batch_size": 8,
    }
    settings = common | recipe.settings
    start_run(make_config(settings), Home(home), RUN)
    seconds, n_changes = {}, {}
    for step in recipe.steps:
        counted = folder / "n_changes"
        started = time.monotonic()
        run_python(
            ["-m", "chaos.struck", *step.command, "--run", RUN], home, Blow(counted_to=str(counted))
        )
        seconds[step.name] = time.monotonic() - started
        n_changes[step.name] = int(counted.read_text())
    return Prefix(recipe, home, settings, seconds, n_changes)


def ended_python(
    arguments: Sequence[str], environ: Mapping[str, str], *, timeout_seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python to its end; return its status and all that it printed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=_ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout_seconds,
    )


def run_python(arguments: list[str], home: Path, blow: Blow | None = None) -> None:
    """Run Python to its end on a shared volume.

    Raises:
        RuntimeError: It ended with another status than 0.
    """
    done = ended_python(arguments, environment(home, blow))
    if done.returncode:
        told = "\n".join(done.stdout.splitlines()[-15:])
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{told}")


def environment(home: Path, blow: Blow | None = None) -> dict[str, str]:
    """Return the environment of a process that works on a shared volume."""
    added = blow.as_environment() if blow else {}
    return {**os.environ, "CXR_HOME": str(home), **added}


def draw_images(folder: Path) -> None:
    """Draw noise with a bright square in one class: a few epochs are enough to see it."""
    for number in range(N_IMAGES):
        is_covid = number % 2
        pixels = np.random.default_rng(number).integers(60, 120, (64, 64), dtype=np.uint8)
        if is_covid:
            pixels[20:44, 20:44] += 120
        name = "COVID/COVID" if is_covid else "NORMAL/NORMAL"
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{number:03d}.png")
