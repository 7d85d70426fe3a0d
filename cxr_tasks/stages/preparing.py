"""The stages before and beside the trainings: images, split, audit."""

from pathlib import Path

from cxr_tasks.champion.pointer import serving
from cxr_tasks.records import Record, require_record
from cxr_tasks.settings import RunConfig
from cxr_tasks.stages.context import StageContext
from cxr_tasks.unchanged import find_equal_run, reason


def run_ingest(context: StageContext) -> str:
    """Have the data set and the backbone weights on the shared volume."""
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
        facts = {
            "dataset": ingested(config),
            "external": ingested(external) if external else None,
            "weights": weights.as_dict(),
            # drift is measured against this one, also when the run goes on after a promotion
            "champion": serving(run.home),
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
