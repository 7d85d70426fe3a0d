"""A stage of a run that other code began: what is finished stays, nothing else is made."""

from pathlib import Path

from cxr_tasks.errors import DamagedError
from cxr_tasks.flow.stages.context import StageContext
from cxr_tasks.runs.run import check_code
from cxr_tasks.volume.records import Record, check_outputs, find_record


def keep_finished(stage: str, context: StageContext) -> str:
    """Leave a stage as other code has finished it, so that no run has results of two codes.

    What `promote` made of the run, a version of the champion, is made again where it is damaged.

    Returns:
        A sentence about it.

    Raises:
        ConfigError: It is not finished, or damaged.
    """
    record = _find_whole(stage, context)
    if record is None:
        check_code(context.run)
    elif stage == "promote" and record["version"]:
        from cxr_tasks.champion.restoring import restore_version

        restore_version(context.run, context.config, record, note=context.progress.note)
    return "finished before, by another state of the project's code; kept as it is"


def _find_whole(stage: str, context: StageContext) -> Record | None:
    name = "train" if stage == "fold" else stage
    for folder in _folders(stage, context):
        try:
            record = find_record(folder, name)
            if record is not None:
                check_outputs(folder, record)
                return record
        except DamagedError as err:
            context.progress.note(err.problem)
    return None


def _folders(stage: str, context: StageContext) -> tuple[Path, ...]:
    """Name where the stage may lie finished; a fold also in a training that is under way."""
    run = context.run
    if stage == "fold":
        from cxr_tasks.training.train import fold_folder

        variants = (run.train(context.variant), run.training(context.variant))
        return tuple(fold_folder(folder, context.fold) for folder in variants)
    return (run.train(context.variant) if stage == "train" else run.root / stage,)
