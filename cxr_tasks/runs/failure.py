"""How a stage ended that is not done: found out, said in words, written down."""

import re
import signal
from pathlib import Path

from pydantic import Field

from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.files import read_json, remove_leftovers, write_json
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import RunPaths, StageName
from cxr_tasks.volume.progress import Progress, read_events
from cxr_tasks.volume.progress_record import ProgressRecord
from cxr_tasks.volume.record_model import Facts, parse_facts

NO_REASON = "No reason is known."

STOPPED = 130
"""Exit status of a process that a person stopped."""

_STOPS = (STOPPED, -signal.SIGINT, -signal.SIGTERM)
_TO_GO_ON = "What is finished is kept; run again, it goes on from there."

_WITHOUT_MEMORY = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)
"""How a training ends without memory: by the kernel, by C++, or in a library's null pointer."""

_STARTS = re.compile(r"(Fold \d+: )?[\w.]*(Error|Exception)\b|Fold \d+: The process ")


class FailureRecord(Facts):
    """How a stage failed or was stopped, while it has not succeeded since."""

    exit_code: int | None = None
    """Of its process; None where its caller was ended first."""
    signal: str | None = None
    """Name of the signal that ended its process."""
    message: str
    """What a person should read."""
    last_lines: list[str] = Field(default_factory=list)
    """The last that its process printed."""
    stopped: bool = False
    """Whether a person stopped it."""

    @property
    def first_line(self) -> str:
        """Its message in a line."""
        return next(iter(self.message.splitlines()), NO_REASON)


def failure_of_process(exit_code: int, message: str, lines: list[str]) -> FailureRecord:
    """Describe how a stage's process ended."""
    name = signal.Signals(-exit_code).name if exit_code < 0 else None
    return FailureRecord(
        exit_code=exit_code,
        signal=name,
        message=message,
        last_lines=lines,
        stopped=exit_code in _STOPS,
    )


def interruption(err: BaseException) -> FailureRecord:
    """Describe what ended the process that waited for a stage, and the stage with it."""
    if isinstance(err, KeyboardInterrupt | SystemExit):
        return _without_exit_code(f"Stopped. {_TO_GO_ON}", stopped=True)
    message = f"Ended from outside by {type(err).__name__}: {err}. {_TO_GO_ON}"
    return _without_exit_code(message, stopped=False)


def _without_exit_code(message: str, *, stopped: bool) -> FailureRecord:
    return FailureRecord(
        exit_code=None, signal=None, message=message, last_lines=[], stopped=stopped
    )


def write_failure(failure: FailureRecord, run: RunPaths, path: Path, progress: Progress) -> None:
    """Write down how a stage ended, where a reader of the run looks for it."""
    if not run.config.exists():  # the run was deleted, and nothing of it is to come back
        return
    try:
        with volume_in_use(run.home), locked(run.lock("failure")):
            remove_leftovers(path)
            write_json(path, failure.content())
        progress.emit("stopped" if failure.stopped else "failed", failure.message)
    except OSError as err:  # such as a full volume, which may be why the stage failed
        progress.echo(f"How the stage ended could not be written down: {err}")


def note_given_back(run: RunPaths, progress: Progress) -> None:
    """Report that a stage was ended with its worker, and is no failure: another worker goes on."""
    if not run.config.exists():
        return
    try:
        progress.emit("given back", _given_back(_last_epoch(run, progress)))
    except OSError as err:
        progress.echo(f"That the stage was given back could not be written down: {err}")


def _given_back(last: ProgressRecord | None) -> str:
    if last is None:
        return "Given back: this worker could not go on. The next free one goes on."
    epoch = f"{last.fit}, epoch {last.epoch}" if last.fit else f"epoch {last.epoch}"
    return (
        f"Given back after {epoch}: this worker could not go on. The next free one goes on from "
        "the checkpoint."
    )


def _last_epoch(run: RunPaths, progress: Progress) -> ProgressRecord | None:
    found = None
    for event, _ in read_events(run.progress):
        of_stage = (event.stage, event.variant) == (progress.stage, progress.variant)
        found = event if of_stage and event.kind == "epoch" else found
    return found


def read_failure(path: Path) -> FailureRecord:
    """Read how a stage ended.

    Raises:
        ArtifactError: The file is gone or damaged.
    """
    return parse_facts(read_json(path), FailureRecord, path=path)


def failure_message(exit_code: int, lines: list[str]) -> str:
    """Find what a person should read in the last lines of a failed process.

    The project's own errors and Python's tracebacks both end with `SomeError: ...`; what a fold's
    process ended with is repeated by its variant's.
    """
    starts = [at for at, line in enumerate(lines) if _STARTS.match(line)]
    last = "\n".join(lines[starts[-1] :]) if starts else (lines[-1] if lines else "")
    if exit_code in _STOPS:
        return f"Stopped. {_TO_GO_ON}"
    if exit_code == EXIT_CODE and last:
        return last
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"The process was ended by {name}{hint}." + (f"\n{last}" if last else "")
    return f"The process ended with exit code {exit_code}." + (f"\n{last}" if last else "")


def memory_hint(exit_code: int, run: RunPaths, stage: StageName) -> str:
    """Return a hint at the batch size where a training may have had too little memory."""
    if stage != "train" or -exit_code not in _WITHOUT_MEMORY:
        return ""
    try:
        _, config = open_run(run.home, run.key)
    except CxrError:
        return ""
    return f"\nIf memory ran out: batch_size is {config.batch_size}, and a smaller one needs less."
