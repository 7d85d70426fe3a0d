"""A stage as a child process: started from a list, watched, stopped with its parent."""

import os
from collections.abc import Callable, Mapping, Sequence

from cxr_tasks.errors import EXIT_CODE
from cxr_tasks.machine.child_process import Child, run_child, stopped_by_sigterm
from cxr_tasks.runs.failure import (
    failure_message,
    failure_of_process,
    interruption,
    memory_hint,
    note_given_back,
    write_failure,
)
from cxr_tasks.volume.paths import RunPaths, StageName
from cxr_tasks.volume.progress import Progress


class StageError(Exception):
    """A stage's process ended badly; the text is what a person should read.

    Attributes:
        retryable: False for the project's own errors, which the same input brings again.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class GivenBack(Exception):  # noqa: N818 - no error
    """A stage was ended with whoever waited for it, and another goes on with it."""


def nowhere() -> bool:
    """Return that nobody else goes on with a stage: whoever asks it to end wants it to end."""
    return False


def run_stage(
    stage: StageName,
    run: RunPaths,
    *,
    variant: str | None = None,
    environ: Mapping[str, str] = os.environ,
    on_line: Callable[[str], None] = print,
    goes_on_elsewhere: Callable[[], bool] = nowhere,
) -> None:
    """Run one stage of a run as a fresh interpreter, in this process's group.

    What the user typed reaches the child through the environment only. The process group
    stays the caller's, so that whoever stops the caller stops the child.

    Args:
        stage: Its name.
        run: The run.
        variant: Where the stage has one.
        environ: What the child is given.
        on_line: Told each line that the child prints.
        goes_on_elsewhere: Asked, with the child ended, where this process was asked to end:
            whether another one goes on with the stage.

    Raises:
        StageError: The child ended with another status than 0.
        GivenBack: This process was asked to end, and another goes on.
    """
    process = StageProcess(stage, run, variant, on_line=on_line)
    with stopped_by_sigterm():
        try:
            child = process.start(environ)
            child.follow(on_line)
        except BaseException as err:
            process.interrupt(err, goes_on_elsewhere=goes_on_elsewhere)
            raise
    process.check(child)


class StageProcess:
    """A stage of a run in a process of its own, and what is reported and written down of it.

    Args:
        stage: Its name.
        run: The run.
        variant: Where the stage has one.
        on_line: Told each line that the process prints.
    """

    def __init__(
        self,
        stage: StageName,
        run: RunPaths,
        variant: str | None,
        *,
        on_line: Callable[[str], None],
    ) -> None:
        self._stage = stage
        self._run = run
        self._variant = variant
        self._progress = Progress(run.progress, stage, variant or "", echo=on_line)
        self._child: Child | None = None

    def start(self, environ: Mapping[str, str]) -> Child:
        """Start the process; what a person typed is in its environment only."""
        if self._run.config.exists():
            self._progress.emit("start", "started")
        arguments = _stage_arguments(self._stage, self._variant)
        self._child = Child(arguments, _environment(self._run, environ))
        return self._child

    def ask_to_end(self) -> None:
        """Ask it to end, and do not wait for that."""
        if self._child is not None:
            self._child.ask_to_end()

    def interrupt(
        self, err: BaseException, *, goes_on_elsewhere: Callable[[], bool] = nowhere
    ) -> None:
        """End it, since it must not outlive whoever waits for it, and write down what ended it.

        Raises:
            GivenBack: Whoever waited was asked to end, and another goes on.
        """
        if self._child is not None:
            self._child.end()
        if isinstance(err, KeyboardInterrupt) and goes_on_elsewhere():
            note_given_back(self._run, self._progress)
            raise GivenBack(self._progress.stage) from err
        error_file = self._run.error(self._stage, self._variant)
        write_failure(interruption(err), self._run, error_file, self._progress)

    def check(self, child: Child) -> None:
        """Wait for its end, and write down how it ended if it did not end well.

        Raises:
            StageError: It ended with another status than 0.
        """
        exit_code, lines = child.wait(), list(child.last_lines)
        error_file = self._run.error(self._stage, self._variant)
        if exit_code == 0:
            error_file.unlink(missing_ok=True)
            return
        message = failure_message(exit_code, lines) + memory_hint(exit_code, self._run, self._stage)
        failure = failure_of_process(exit_code, message, lines)
        write_failure(failure, self._run, error_file, self._progress)
        raise StageError(message, retryable=exit_code != EXIT_CODE)


def run_fold(
    variant: str,
    fold: int,
    run: RunPaths,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None] = print,
) -> None:
    """Train one fold of a variant as a fresh interpreter; its stage is `train`, the caller.

    Raises:
        StageError: The child ended with another status than 0.
    """
    arguments = [*_stage_arguments("fold", variant), "--fold", str(fold)]
    exit_code, lines = run_child(arguments, _environment(run, environ), on_line=on_line)
    if exit_code:
        message = f"Fold {fold}: {failure_message(exit_code, lines)}"
        hint = memory_hint(exit_code, run, "train")
        raise StageError(message + hint, retryable=exit_code != EXIT_CODE)


def run_command(
    arguments: Sequence[str], *, environ: Mapping[str, str], on_line: Callable[[str], None] = print
) -> None:
    """Run a command of `python -m cxr_tasks` that belongs to no run, as a fresh interpreter.

    What a person typed goes into the environment or a file, never among the arguments.

    Raises:
        StageError: The child ended with another status than 0.
    """
    with stopped_by_sigterm():
        exit_code, lines = run_child(arguments, environ, on_line=on_line)
    if exit_code:
        raise StageError(failure_message(exit_code, lines), retryable=exit_code != EXIT_CODE)


def _stage_arguments(stage: StageName, variant: str | None) -> list[str]:
    return [stage] if variant is None else [stage, "--variant", variant]


def _environment(run: RunPaths, environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, "CXR_HOME": str(run.home.root), "CXR_RUN": run.key}
