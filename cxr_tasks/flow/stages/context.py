"""What a stage is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cxr_tasks.machine.memory import MemoryWatch
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import Record, finish_once


@dataclass(frozen=True)
class StageContext:
    """What a stage is given: its run, where to tell how it goes, and a watch on its memory."""

    run: RunPaths
    config: RunConfig
    progress: Progress
    environ: Mapping[str, str]
    variant: str = ""
    fold: int = 0
    memory: MemoryWatch = field(default_factory=MemoryWatch)

    def for_fold(self, number: int) -> "StageContext":
        """Return what one fold of this variant is given; it is told of as part of its training."""
        fit = f"fold {number} of {self.config.folds * self.config.repeats}"
        progress = replace(self.progress, stage="train", fit=fit)
        return replace(self, progress=progress, fold=number, memory=MemoryWatch())

    def finish_once(
        self, folder: Path, inputs: Mapping[str, Path], build: Callable[[Path], Record]
    ) -> Record:
        """Build this stage's folder unless it is finished from the same inputs, and whole."""

        def build_and_look(built: Path) -> Record:
            return build(built) | {"peak_anon_mb": self.memory.peak_anon_mb()}

        return finish_once(
            folder,
            self.progress.stage,
            inputs={"config": self.run.config, **inputs},
            config_fingerprint=self.config.fingerprint,
            seed=self.config.seed,
            build=build_and_look,
            note=self.progress.note,
        )
