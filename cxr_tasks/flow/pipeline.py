"""The whole run without a scheduler: the DAG's stages in its order, some at once, and its gate."""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from threading import Thread

from cxr_tasks.flow.process import StageError, StageProcess, run_stage
from cxr_tasks.machine.child_process import Child, stopped_by_sigterm
from cxr_tasks.publishing.after_run import publish_run
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings import RunConfig
from cxr_tasks.tracking.after_run import track_run
from cxr_tasks.volume.paths import RunPaths, StageName


def run_pipeline(
    run: RunPaths,
    config: RunConfig,
    *,
    environ: Mapping[str, str] = os.environ,
    on_line: Callable[[str], None] = print,
) -> None:
    """Run every stage as a child process, as the DAG does; finished stages are not repeated.

    However it ends, it is sent to the MLflow server that the operator names, if one is named;
    where it is whole, its report and the champion are copied to the object store likewise.

    The audit runs beside the trainings, which run one after another, each with all its threads.
    A run that would only repeat an earlier one ends after ingestion.
    A failed variant does not cost the others, nor does a failed audit: evaluation and report go
    on without it.

    Raises:
        StageError: A stage failed that the rest of the run needs.
        TrainingError: The report is made, but a variant or the audit has failed.
    """
    try:
        _run_stages(run, config, environ, on_line)
    except Exception:
        track_run(run, environ, echo=on_line)
        raise
    track_run(run, environ, echo=on_line)
    publish_run(run, environ, echo=on_line)


def _run_stages(
    run: RunPaths, config: RunConfig, environ: Mapping[str, str], on_line: Callable[[str], None]
) -> None:
    run_stage("ingest", run, environ=environ, on_line=on_line)
    if unchanged_since(run):
        return
    run_stage("split", run, environ=environ, on_line=on_line)
    trainings: list[Stage] = [("train", name) for name in config.variants]
    run_at_once([[("audit", None)], trainings], run, environ=environ, on_line=on_line)
    for stage in ("evaluate", "report"):
        run_stage(stage, run, environ=environ, on_line=on_line)
    check_complete(run, config)
    if config.promote:
        run_stage("promote", run, environ=environ, on_line=on_line)


Stage = tuple[StageName, str | None]
"""A stage's name, and its variant where it has one."""


def run_at_once(
    lanes: Sequence[Sequence[Stage]],
    run: RunPaths,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> None:
    """Run several lanes of stages at once, in each one stage after another.

    A stage that fails is reported, and costs neither the rest of its lane nor the other lanes.
    Whatever interrupts this call ends all that runs.

    Args:
        lanes: The stages of each.
        run: The run.
        environ: What the stages' processes are given.
        on_line: Told each line that one of them prints, by the calling thread.
    """
    printed: SimpleQueue[_Printed] = SimpleQueue()
    waiting = [deque(lane) for lane in lanes]
    running: dict[int, StageProcess] = {}

    def start_next(number: int) -> None:
        if waiting[number]:
            stage, variant = waiting[number].popleft()
            running[number] = StageProcess(stage, run, variant, on_line=on_line)
            _start(running[number], environ, number, printed)

    with stopped_by_sigterm():
        try:
            for number in range(len(lanes)):
                start_next(number)
            while running:
                number, child, line = printed.get()
                if line is not None:
                    on_line(line)
                    continue
                try:
                    running[number].check(child)
                except StageError as err:
                    on_line(str(err))
                del running[number]
                start_next(number)
        except BaseException as err:
            _end_all(list(running.values()), err)
            raise


_Printed = tuple[int, Child, str | None]
"""A lane, the process that runs in it, and a line that it has printed; None at its end."""


def _start(
    process: StageProcess, environ: Mapping[str, str], number: int, printed: "SimpleQueue[_Printed]"
) -> None:
    child = process.start(environ)

    def read() -> None:
        for line in child.lines():
            printed.put((number, child, line))
        printed.put((number, child, None))

    Thread(target=read, daemon=True).start()


def _end_all(processes: list[StageProcess], err: BaseException) -> None:
    """End all, having asked each first: those that need time for it have it together."""
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.interrupt(err)
