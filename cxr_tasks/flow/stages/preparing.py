"""The stages between ingestion and the trainings, and beside them: split and audit."""

from functools import partial

from cxr_tasks.flow.stages.context import StageContext
from cxr_tasks.volume.records import require_record


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
    from cxr_tasks.audit.features import AuditInputs
    from cxr_tasks.champion.store import dataset_of
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.data.folds import read_tested_in
    from cxr_tasks.data.split import read_split

    run, config = context.run, context.config
    ingested = require_record(run.ingest, "ingest")
    folds = require_record(run.split, "split")["folds"]
    inputs = AuditInputs(
        run=run,
        config=config,
        dataset=open_dataset(run.home, ingested["dataset"]),
        split=read_split(run.split),
        folds=read_tested_in(run.split, n_folds=folds["n_folds"]) if folds else None,
        ingested=ingested,
        champion_dataset=partial(dataset_of, run.home, ingested["champion"]),
        note=context.progress.note,
    )
    record = context.finish_once(
        run.audit,
        {"ingest": run.ingest / "ingest.json", "split": run.split / "split.json"},
        lambda built: make_audit(inputs, built=built),
    )
    n_findings = len(record["findings"])
    return f"{n_findings} {'finding' if n_findings == 1 else 'findings'}"
