"""The stages of a run by name, each from files to files; what a child process executes.

Heavy libraries are imported inside the stage that needs them: importing TensorFlow takes
longer than a whole split.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_tasks.errors import ConfigError
from cxr_tasks.files import locked
from cxr_tasks.memory import MemoryWatch
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import Progress, duration
from cxr_tasks.records import Record, find_record, finish_once, record_file, require_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.unchanged import find_equal_run, reason

if TYPE_CHECKING:
    from cxr_tasks.evaluation.evaluate import Material


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
    from cxr_tasks.champion.store import find_champion
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.ingest import ingest
    from cxr_tasks.sources.external import external_config
    from cxr_tasks.training.weights import prepare_weights

    run, config, note = context.run, context.config, context.progress.note
    external = external_config(config)

    def ingested(config: RunConfig) -> str:
        return ingest(config, home=run.home, environ=context.environ, report=note)

    def build(_built: Path) -> Record:
        weights = prepare_weights(config, run.home, environ=context.environ, report=note)
        champion = find_champion(run.home)
        facts = {
            "dataset": ingested(config),
            "external": ingested(external) if external else None,
            "weights": weights.as_dict(),
            # drift is measured against this one, also when the run goes on after a promotion
            "champion": champion and champion.name,
        }
        return facts | {
            "unchanged_since": None if config.force else find_equal_run(run, config, facts)
        }

    record = context.finish_once(run.ingest, {}, build)
    if record["unchanged_since"]:
        return reason(run, record["unchanged_since"])
    facts = open_dataset(run.home, record["dataset"]).record
    told = f"{facts['n_images']} images, {facts['n_rejected']} rejected"
    if record["external"]:
        told += f"; external: {open_dataset(run.home, record['external']).record['n_images']}"
    return told


def run_split(context: StageContext) -> str:
    """Divide the images into train, val and test."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import make_split

    run, config = context.run, context.config
    dataset = open_dataset(run.home, require_record(run.ingest, "ingest")["dataset"])
    record = context.finish_once(
        run.split,
        {"ingest": run.ingest / "ingest.json"},
        lambda built: make_split(dataset, config, built=built),
    )
    told = ", ".join(f"{part} {facts['n_images']}" for part, facts in record["parts"].items())
    if not record["folds"]:
        return told
    return f"{len(record['folds']['rounds'])} folds; final fit: {told}"


def run_audit(context: StageContext) -> str:
    """Look for copies across the split, and for what else than disease tells the classes apart."""
    from cxr_tasks.audit.audit import make_audit
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.folds import read_tested_in
    from cxr_tasks.data.split import read_split

    run, config = context.run, context.config
    ingested = require_record(run.ingest, "ingest")
    folds = require_record(run.split, "split")["folds"]
    record = context.finish_once(
        run.audit,
        {"ingest": run.ingest / "ingest.json", "split": run.split / "split.json"},
        lambda built: make_audit(
            run,
            config,
            dataset=open_dataset(run.home, ingested["dataset"]),
            split=read_split(run.split),
            folds=read_tested_in(run.split, n_folds=folds["n_folds"]) if folds else None,
            ingested=ingested,
            note=context.progress.note,
            built=built,
        ),
    )
    return f"{len(record['findings'])} findings"


def run_train(context: StageContext) -> str:
    """Train one variant, with all its folds."""
    from cxr_tasks.training.train import train_variant

    _check_variant(context)
    progress = replace(context.progress, fit="final fit") if context.config.folds else None
    record = train_variant(
        context.run,
        context.config,
        context.variant,
        progress=progress or context.progress,
        memory=context.memory,
        environ=context.environ,
    )
    told = f"{record['epochs_run']} epochs in {duration(record['train_seconds'])}, "
    if record["folds"]:
        return f"{len(record['folds'])} folds, final fit of {told}folds included"
    return f"{told}best epoch {record['best_epoch']}"


def run_fold(context: StageContext) -> str:
    """Train one fold of a variant; `train` does it for all that are missing."""
    from cxr_tasks.training.train import train_one_fold

    _check_variant(context)
    folds = require_record(context.run.split, "split")["folds"]
    n_rounds = len(folds["rounds"]) if folds else 0
    if not 1 <= context.fold <= n_rounds:
        raise ConfigError(
            f"The run {context.run.key!r} has no fold {context.fold}.",
            f"Its folds are numbered from 1 to {n_rounds}." if n_rounds else "It has no folds.",
            "Name one of them with --fold, or start a run with --folds.",
        )
    record = train_one_fold(
        context.run,
        context.config,
        context.variant,
        context.fold,
        progress=context.progress,
        memory=context.memory,
        environ=context.environ,
    )
    return (
        f"{record['epochs_run']} epochs in {duration(record['train_seconds'])}, "
        f"best epoch {record['best_epoch']}"
    )


def _check_variant(context: StageContext) -> None:
    if context.variant not in context.config.variants:
        raise ConfigError(
            f"The variant {context.variant!r} is not part of run {context.run.key!r}.",
            f"This run has: {', '.join(context.config.variants)}.",
            "Name one of them with --variant, or start a run that has it.",
        )


def run_evaluate(context: StageContext) -> str:
    """Measure every finished variant, compare them, and judge what the scores are worth."""
    from cxr_tasks.evaluation.evaluate import make_comparison

    run, config = context.run, context.config
    inputs = {
        "split": run.split / "split.json",
        "audit": run.audit / "audit.json",
        "audit-error": run.error("audit"),
    }
    for name in config.variants:
        inputs |= {name: run.train(name) / "train.json", f"{name}-error": run.error("train", name)}
    material = _evaluation_material(context)
    record = context.finish_once(
        run.evaluate,
        inputs,
        lambda built: make_comparison(run, config, material, built=built),
    )
    return (
        f"recommended: {record['recommendation']['variant']}; audit: {record['audit']['verdict']}"
    )


def _evaluation_material(context: StageContext) -> "Material":
    from cxr_tasks.audit.audit import read_control_scores
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.split import read_split
    from cxr_tasks.evaluation.evaluate import Material
    from cxr_tasks.evaluation.scoring import score_images
    from cxr_tasks.explanation.explain import explain_variant

    run, config, note = context.run, context.config, context.progress.note
    ingested = require_record(run.ingest, "ingest")
    require_record(run.split, "split")
    audited = find_record(run.audit, "audit") is not None
    return Material(
        dataset=open_dataset(run.home, ingested["dataset"]),
        split=read_split(run.split),
        audit=require_record(run.audit, "audit") if audited else None,
        control_scores=read_control_scores(run.audit) if audited else None,
        external=open_dataset(run.home, ingested["external"]) if ingested["external"] else None,
        score=partial(score_images, config=config, note=note),
        explain=partial(explain_variant, seed=config.seed),
    )


def run_report(context: StageContext) -> str:
    """Render the report."""
    from cxr_tasks.reporting.report import make_report

    run, config = context.run, context.config
    require_record(run.evaluate, "evaluate")
    inputs = {"evaluate": record_file(run.evaluate, "evaluate")}
    context.finish_once(run.report, inputs, lambda built: make_report(run, config, built))
    return str(run.report / "index.html")


def run_promote(context: StageContext) -> str:
    """Let the run's model serve, if it is better than the one that does."""
    from cxr_tasks.champion.promotion import make_promotion
    from cxr_tasks.evaluation.scoring import score_images

    run, config, note = context.run, context.config, context.progress.note
    require_record(run.report, "report")
    record = context.finish_once(
        run.promote,
        {"report": record_file(run.report, "report")},
        lambda built: make_promotion(
            run,
            config,
            score=partial(score_images, config=config, note=note),
            now=datetime.now(UTC),
            note=note,
            built=built,
        ),
    )
    return f"{record['decision']}: {record['reason']}"


STAGES: dict[str, Callable[[StageContext], str]] = {
    "ingest": run_ingest,
    "split": run_split,
    "audit": run_audit,
    "train": run_train,
    "fold": run_fold,
    "evaluate": run_evaluate,
    "report": run_report,
    "promote": run_promote,
}
"""Each stage does its work and returns a sentence about the result."""


def execute(stage: str, context: StageContext) -> None:
    """Run a stage in this process, alone on its folder."""
    whose = f"{context.variant}-fold-{context.fold}" if context.fold else context.variant
    with locked(context.run.lock(stage, whose or None)), context.memory:
        told = STAGES[stage](context)
        if context.fold:
            context.progress.note(told)  # only its variant's stage is done when it is done
        else:
            context.progress.emit("done", told)
