"""The stages of a run by name, each from files to files; what a child process executes.

Heavy libraries are imported inside the stage that needs them: importing TensorFlow takes
longer than a whole split.
"""

from collections.abc import Callable

from cxr_tasks.flow.stages.assessment import run_audit, run_evaluate, run_promote, run_report
from cxr_tasks.flow.stages.execution import StageContext, execute_alone
from cxr_tasks.flow.stages.ingestion import run_ingest, run_split
from cxr_tasks.flow.stages.training import run_fold, run_train
from cxr_tasks.volume.paths import StageName

__all__ = ["STAGES", "StageContext", "execute"]

STAGES: dict[StageName, Callable[[StageContext], str]] = {
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


def execute(stage: StageName, context: StageContext) -> None:
    """Run a stage in this process, alone on its folder, and report how long it took.

    Of a run that other code began, only what is finished is left as it is.
    """
    execute_alone(stage, context, STAGES[stage])
