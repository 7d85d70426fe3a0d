"""The stages of a run by name, each from files to files; what a child process executes.

Heavy libraries are imported inside the stage that needs them: importing TensorFlow takes
longer than a whole split.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.files import locked
from cxr_tasks.memory import MemoryWatch
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress, duration
from cxr_tasks.records import Record, finish_once, record_file, require_record
from cxr_tasks.settings import RunConfig


@dataclass(frozen=True)
class StageContext:
    """What a stage is given: its run, where to tell how it goes, and a watch on its memory."""

    run: RunPaths
    config: RunConfig
    progress: Progress
    environ: Mapping[str, str]
    variant: str = ""
    memory: MemoryWatch = field(default_factory=MemoryWatch)

    def finish_once(
        self, folder: Path, inputs: Mapping[str, Path], build: Callable[[Path], Record]
    ) -> Record:
        """Build this stage's folder unless it is finished from the same inputs."""

        def build_and_look(built: Path) -> Record:
            return build(built) | {"peak_anon_mb": self.memory.peak_anon_mb()}

        return finish_once(
            folder,
            self.progress.stage,
            inputs={"config": self.run.config, **inputs},
            config_fingerprint=self.config.fingerprint,
            seed=self.config.seed,
            build=build_and_look,
        )


def run_ingest(context: StageContext) -> str:
    """Have the data set and the backbone weights on the shared volume."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.ingest import ingest
    from cxr_tasks.training.weights import prepare_weights

    run, config, note = context.run, context.config, context.progress.note

    def build(_built: Path) -> Record:
        weights = prepare_weights(config, run.home, environ=context.environ, report=note)
        fingerprint = ingest(config, home=run.home, environ=context.environ, report=note)
        return {"dataset": fingerprint, "weights": weights.as_dict()}

    record = context.finish_once(run.ingest, {}, build)
    facts = open_dataset(run.home, record["dataset"]).record
    return f"{facts['n_images']} images, {facts['n_rejected']} rejected"


def run_split(context: StageContext) -> str:
    """Divide the images into train, val and test."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import make_split

    run, config = context.run, context.config
    dataset = open_dataset(run.home, require_record(run.ingest, "ingest")["dataset"])
    record = context.finish_once(
        run.split,
        {"ingest": run.ingest / "ingest.json"},
        lambda built: make_split(dataset, kind=config.split, seed=config.seed, built=built),
    )
    return ", ".join(f"{part} {facts['n_images']}" for part, facts in record["parts"].items())


def run_train(context: StageContext) -> str:
    """Train one variant."""
    from cxr_tasks.training.train import train_variant

    if context.variant not in context.config.variants:
        raise ConfigError(
            f"The variant {context.variant!r} is not part of run {context.run.key!r}.",
            f"This run has: {', '.join(context.config.variants)}.",
            "Name one of them with --variant, or start a run that has it.",
        )
    record = train_variant(
        context.run,
        context.config,
        context.variant,
        progress=context.progress,
        memory=context.memory,
        environ=context.environ,
    )
    return (
        f"{record['epochs_run']} epochs in {duration(record['train_seconds'])}, "
        f"best epoch {record['best_epoch']}"
    )


def run_evaluate(context: StageContext) -> str:
    """Score every image by every finished variant and compare."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import read_split
    from cxr_tasks.evaluation.evaluate import make_comparison
    from cxr_tasks.evaluation.scoring import score_images

    run, config = context.run, context.config
    dataset = open_dataset(run.home, require_record(run.ingest, "ingest")["dataset"])
    require_record(run.split, "split")
    inputs = {"split": run.split / "split.json"}
    for name in config.variants:
        inputs |= {name: run.train(name) / "train.json", f"{name}-error": run.error("train", name)}
    record = context.finish_once(
        run.evaluate,
        inputs,
        lambda built: make_comparison(
            run,
            config,
            dataset=dataset,
            split=read_split(run.split),
            score=partial(score_images, config=config, note=context.progress.note),
            built=built,
        ),
    )
    return f"recommended: {record['recommendation']['variant']}"


def run_report(context: StageContext) -> str:
    """Render the report."""
    from cxr_tasks.reporting.report import make_report

    run, config = context.run, context.config
    require_record(run.evaluate, "evaluate")
    inputs = {"evaluate": record_file(run.evaluate, "evaluate")}
    context.finish_once(run.report, inputs, lambda built: make_report(run, config, built))
    return str(run.report / "index.html")


STAGES: dict[str, Callable[[StageContext], str]] = {
    "ingest": run_ingest,
    "split": run_split,
    "train": run_train,
    "evaluate": run_evaluate,
    "report": run_report,
}
"""Each stage does its work and returns a sentence about the result."""


def execute(stage: str, context: StageContext) -> None:
    """Run a stage in this process, alone on its folder."""
    with locked(context.run.lock(stage, context.variant or None)), context.memory:
        context.progress.emit("done", STAGES[stage](context))
