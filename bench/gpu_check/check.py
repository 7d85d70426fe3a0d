"""What every measurement of the check needs: images, the time that is left, and trainings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.gpu_check.children import DONE, Command, Ended, run_at_once
from bench.gpu_check.memory import CardMemory
from bench.gpu_check.training import MEASURED, RUN
from cxr_tasks.flow.process import run_stage
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home

Entry = dict[str, Any]

NOT_RUN = "not run: no time"
BATCH_SIZE = 32
_LEAST_SECONDS = 15.0
"""In less, nothing that has to start a backend gets anywhere."""
_CACHE_ALL = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


@dataclass(frozen=True)
class Check:
    """One run of the check."""

    scratch: Path  # a folder for all that is written on the way
    variants: tuple[str, ...]  # those to measure
    n_images: int  # how many phantoms; three quarters are trained on
    epochs: int  # of every training
    deadline: float  # on the clock, when it has to be over
    step_seconds: float  # the longest that one step may take
    report: Callable[[str], None]  # told what is being done
    # entries by part and name, as they are measured
    results: dict[str, dict[str, Entry]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic  # seconds that only grow

    @property
    def home(self) -> Path:
        """The volume of the check's own run."""
        return self.scratch / "home"

    def folder(self, part: str, variant: str) -> Path:
        """Return the folder of one training."""
        return self.scratch / part / variant

    def seconds_left(self) -> float:
        """Return the time that a step may take now; 0 where none should begin."""
        left = self.deadline - self.clock()
        return min(left, self.step_seconds) if left >= _LEAST_SECONDS else 0.0

    def draw_images(self) -> None:
        """Ingest and split phantom images, by the pipeline's own stages.

        Raises:
            StageError: A stage failed.
        """
        config = make_config(
            {
                "profile": "quickstart",
                "phantom_images": self.n_images,
                "weights": "random",
                "split": "paper",
                "epochs": self.epochs,
                "patience": self.epochs,
                "batch_size": BATCH_SIZE,
            }
        )
        run = start_run(config, Home(self.home), RUN)
        with (self.scratch / "stages.log").open("a", encoding="utf-8") as log:
            for stage in ("ingest", "split"):
                run_stage(stage, run, on_line=lambda line: print(line, file=log))

    def train(
        self, part: str, variants: Sequence[str], *, precision: str, options: Sequence[str] = ()
    ) -> tuple[dict[str, Entry], float | None]:
        """Train variants side by side; each entry says how it ended and what it measured.

        Args:
            part: Names the folder; a training that was begun there goes on.
            variants: What to train.
            precision: What to compute in.
            options: Further ones for each process.

        Returns:
            The entries by variant, and the most memory used on the card, in MB.
        """
        commands = {}
        for variant in variants:
            folder = self.folder(part, variant)
            commands[variant] = Command(
                [
                    "-m",
                    "bench.gpu_check.training",
                    "--home",
                    str(self.home),
                    "--variant",
                    variant,
                    "--precision",
                    precision,
                    "--folder",
                    str(folder),
                    *options,
                ],
                self._cache(),
            )
        with CardMemory() as card:
            ended = self.run(part, commands)
        entries = {
            variant: _entry(ended[variant], self.folder(part, variant) / MEASURED)
            for variant in variants
        }
        return entries, card.peak_mb

    def run(self, part: str, commands: Mapping[str, Command]) -> dict[str, Ended]:
        """Run processes side by side while there is time; a part's logs have what they write."""
        seconds = self.seconds_left()
        if not seconds:
            return {name: Ended(NOT_RUN, 0.0) for name in commands}
        ended = run_at_once(commands, logs=self.scratch / part / "logs", seconds=seconds)
        for name, each in ended.items():
            # The part `resume` has its trainings killed.
            if each.status != DONE and not (part == "resume" and "SIGKILL" in each.status):
                self.report(f"{part}, {name}: {each.status}\n{each.last_lines}")
        return ended

    def _cache(self) -> dict[str, str]:
        """Let JAX compile once what several trainings need: on a card that is most of the time."""
        return {**_CACHE_ALL, "JAX_COMPILATION_CACHE_DIR": str(self.scratch / "compiled")}


def _entry(ended: Ended, measured: Path) -> Entry:
    """Describe a training by what it has written, unless it failed."""
    entry: Entry = {"status": ended.status}
    if ended.status == NOT_RUN:
        return entry
    entry["wall_seconds"] = ended.seconds
    if ended.status.startswith("failed") or not measured.exists():
        return entry
    facts = read_json(measured)
    if ended.status == DONE:
        apart = facts["frozen_layers_seconds"] + facts["frozen_pass_seconds"]
        entry["training_seconds"] = round(ended.seconds - apart, 2)
    epochs = facts.pop("epoch_seconds")
    entry["seconds_per_epoch"] = round(median(epochs), 5) if epochs else None
    return entry | facts | {"epoch_seconds": [round(seconds, 5) for seconds in epochs]}
