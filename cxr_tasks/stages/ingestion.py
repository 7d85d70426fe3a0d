"""The stage that has the images and the backbone weights on the shared volume."""

from collections.abc import Callable, Mapping
from typing import Any

from cxr_tasks.champion.pointer import serving_without
from cxr_tasks.errors import ArtifactError, DataError
from cxr_tasks.paths import RunPaths
from cxr_tasks.progress import warning
from cxr_tasks.records import Record
from cxr_tasks.settings import RunConfig
from cxr_tasks.stages.context import StageContext
from cxr_tasks.unchanged import find_equal_run, reason

Makers = Mapping[str, Callable[[], Any]]


def run_ingest(context: StageContext) -> str:
    """Have the data set and the backbone weights on the shared volume."""
    run = context.run
    makers = _makers(context)
    record = context.finish_once(run.ingest, {}, lambda _built: _facts(context, makers))
    if record["unchanged_since"]:
        return reason(run, record["unchanged_since"])
    for name, make in makers.items():
        _make_again_if_damaged(context, record, name, make)
    return _told(run, record)


def _makers(context: StageContext) -> Makers:
    """Give what is made, by its name in the record; what is there already is only looked at."""
    from cxr_tasks.data.ingest import ingest
    from cxr_tasks.sources.external import external_config
    from cxr_tasks.training.weights import prepare_weights

    config, home, note = context.config, context.run.home, context.progress.note
    external = external_config(config)

    def ingested(config: RunConfig) -> str:
        return ingest(config, home=home, environ=context.environ, report=note)

    def weights() -> dict[str, str]:
        return prepare_weights(config, home, environ=context.environ, report=note).as_dict()

    return {
        "weights": weights,
        "dataset": lambda: ingested(config),
        "external": lambda: ingested(external) if external else None,
    }


def _facts(context: StageContext, makers: Makers) -> Record:
    run, config = context.run, context.config
    facts = {name: make() for name, make in makers.items()}
    # drift is measured against this one, also when the run goes on after a promotion
    facts["champion"] = serving_without(run.home, run.key)
    return facts | {"unchanged_since": None if config.force else find_equal_run(run, config, facts)}


def _make_again_if_damaged(
    context: StageContext, record: Record, name: str, make: Callable[[], Any]
) -> None:
    """Make what a run uses again where it is damaged or gone, if its source still gives the same.

    The run's own record stays as it is.
    """
    try:
        _check(context.run, record, name)
    except ArtifactError as err:
        context.progress.note(warning(f"{err.problem} It is made again from its source."))
        made = make()
        if made != record[name]:
            raise DataError(
                f"{err.problem} Its source no longer gives the same ({record[name]}, now {made}).",
                "A run keeps the images and weights that it began with.",
                "Put the source back as it was, or start a new run.",
            ) from err


def _check(run: RunPaths, record: Record, name: str) -> None:
    from cxr_tasks.data.dataset import open_dataset
    from cxr_tasks.training.weights import weights_of

    if name == "weights":
        weights_of(run, record)
    elif record[name] is not None:
        open_dataset(run.home, record[name])


def _told(run: RunPaths, record: Record) -> str:
    from cxr_tasks.data.dataset import open_dataset

    facts = open_dataset(run.home, record["dataset"]).record
    told = f"{facts['n_images']} images, {facts['n_rejected']} rejected"
    if record["external"] is not None:
        told += f"; external: {open_dataset(run.home, record['external']).record['n_images']}"
    return told
