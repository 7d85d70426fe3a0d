"""The stages that bring images and backbone weights to the volume, and divide the images."""

from collections.abc import Callable, Mapping
from typing import Any

from cxr_tasks.champion.pointer import serving_without
from cxr_tasks.data.sources.left_out import left_out_in_words, left_out_of
from cxr_tasks.errors import ArtifactError, DataError
from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.flow.stages.execution import StageContext
from cxr_tasks.runs.ingest_record import IngestFacts, IngestRecord
from cxr_tasks.runs.unchanged import reason
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.records import require_record

Makers = Mapping[str, Callable[[], Any]]


def run_ingest(context: StageContext) -> str:
    """Bring the data set and the backbone weights to the shared volume."""
    run = context.run
    left_out: dict[str, Mapping[str, int]] = {}
    makers = _makers(context, left_out)
    record = context.finish_once(
        run.ingest, IngestRecord, {}, lambda _built: _facts(context, makers, left_out)
    )
    if record.unchanged_since:
        return reason(record.unchanged_since)
    for name, make in makers.items():
        _make_again_if_damaged(context, record, name, make)
    return _summary(run, record)


def run_split(context: StageContext) -> str:
    """Divide the images into train, val and test."""
    from cxr_tasks.data.dataset import open_dataset, open_original
    from cxr_tasks.data.split import make_split
    from cxr_tasks.data.split_record import SplitRecord

    run, config = context.run, context.config
    used = open_dataset(run.home, require_record(run.ingest, IngestRecord).dataset)
    dataset = open_original(run.home, used)  # a remedy leaves copies and patients what they are
    record = context.finish_once(
        run.split,
        SplitRecord,
        {"ingest": run.ingest / IngestRecord.FILE},
        lambda built: make_split(dataset, config, built=built),
    )
    sizes = ", ".join(f"{part} {facts.n_images}" for part, facts in record.parts.items())
    if not record.folds:
        return sizes
    n_repeats = record.folds.n_repeats
    divided = f", divided {n_repeats} times" if n_repeats > 1 else ""
    return f"{record.folds.n_folds} folds{divided}; final fit: {sizes}"


def _makers(context: StageContext, left_out: dict[str, Mapping[str, int]]) -> Makers:
    """Return what makes each thing, by its name in the record; what is there is only looked at.

    What ingestion leaves out is put into `left_out`.
    """
    from cxr_tasks.data.ingest import ingest
    from cxr_tasks.training.weights import prepare_weights

    config, home, note = context.config, context.run.home, context.progress.note
    external = config.external_config()

    def ingested(config: RunConfig, name: str) -> str:
        fingerprint = ingest(
            config,
            home=home,
            environ=context.environ,
            report=note,
            on_listing=lambda listing: left_out.update({name: listing.n_left_out_by_reason}),
        )
        return fingerprint if config.remedy == "none" else remedied(fingerprint, config)

    def remedied(base: str, config: RunConfig) -> str:
        from cxr_tasks.remedies.making import make_remedied

        return make_remedied(base, config, home=home, report=note)

    return {
        "weights": lambda: prepare_weights(config, home, environ=context.environ, report=note),
        "dataset": lambda: ingested(config, "dataset"),
        "external": lambda: ingested(external, "external") if external else None,
    }


def _facts(
    context: StageContext, makers: Makers, left_out: Mapping[str, Mapping[str, int]]
) -> IngestFacts:
    run, config = context.run, context.config
    made = {name: make() for name, make in makers.items()}
    facts = IngestFacts(
        **made,
        # drift is measured against this one, also when the run goes on after a promotion
        champion=serving_without(run.home, run.key),
        n_left_out_by_reason={name: dict(counts) for name, counts in left_out.items()},
    )
    earlier = None if config.force else find_equal_run(run, config, facts)
    before = _before_remedy(run, config, facts.dataset)
    return facts.model_copy(update={"unchanged_since": earlier, **before})


def _before_remedy(run: RunPaths, config: RunConfig, dataset: str) -> dict[str, str | None]:
    """Return the data set that a remedied one was made from, and the run on that."""
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.remedies.first_run import find_first_run

    remedy = open_dataset(run.home, dataset).record.remedy
    if remedy is None:
        return {}
    return {"base": remedy.base, "first_run": find_first_run(run, config, remedy.base)}


def _make_again_if_damaged(
    context: StageContext, record: IngestRecord, name: str, make: Callable[[], Any]
) -> None:
    """Make what a run uses again where it is damaged or gone, if its source still gives the same.

    The run's own record stays as it is.
    """
    try:
        _check(context.run, record, name)
    except ArtifactError as err:
        context.progress.note(warning(f"{err.problem} It is made again from its source."))
        before, made = getattr(record, name), make()
        if made != before:
            raise DataError(
                f"{err.problem} Its source no longer gives the same ({before}, now {made}).",
                "A run keeps the images and weights that it began with.",
                "Put the source back as it was, or start a new run.",
            ) from err


def _check(run: RunPaths, record: IngestRecord, name: str) -> None:
    from cxr_tasks.data.dataset import open_dataset, open_original
    from cxr_tasks.training.weights import weights_of

    if name == "weights":
        weights_of(run, record)
    elif fingerprint := getattr(record, name):
        open_original(run.home, open_dataset(run.home, fingerprint))


def _summary(run: RunPaths, record: IngestRecord) -> str:
    from cxr_tasks.data.dataset import open_dataset

    parts = []
    for name, before, fingerprint in (
        ("dataset", "", record.dataset),
        ("external", "external: ", record.external),
    ):
        if fingerprint is not None:
            facts = open_dataset(run.home, fingerprint).record
            left_out = left_out_of(record, facts, name)
            part = f"{before}{facts.n_images} images, {facts.n_rejected} rejected"
            if facts.remedy:
                part += f", {facts.remedy.done}"
            if n_masks := sum(facts.n_masks_by_class.values()):
                part += f", {n_masks} with a lung mask"
            if (decided := facts.label_decisions) and decided.n_changed:
                part += f", {decided.n_changed} relabelled by decision"
            if left_out:
                part += f", {sum(left_out.values())} left out: {left_out_in_words(left_out)}"
            parts.append(part)
    return "; ".join(parts)
