"""Stages that do not depend on each other, run at once: each in a process of its own.

Threads only read what the processes print; all else, above all starting and ending them, is done
by the thread that waits for them, which is the one that Ctrl-C interrupts.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from threading import Thread

from cxr_tasks.flow.process import StageError, StageProcess
from cxr_tasks.machine.child_process import Child, stopped_by_sigterm
from cxr_tasks.volume.paths import RunPaths

Stage = tuple[str, str | None]
"""A stage's name, and its variant where it has one."""


def run_at_once(
    lanes: Sequence[Sequence[Stage]],
    run: RunPaths,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> None:
    """Run several lanes of stages at once, in each one stage after another.

    A stage that fails is told of, and costs neither the rest of its lane nor the other lanes.
    Whatever interrupts this call ends all that runs.

    Args:
        lanes: The stages of each.
        run: The run.
        environ: What the stages' processes are given.
        on_line: Told each line that one of them prints, by the calling thread.
    """
    said: SimpleQueue[_Said] = SimpleQueue()
    waiting = [deque(lane) for lane in lanes]
    running: dict[int, StageProcess] = {}

    def start_next(number: int) -> None:
        if waiting[number]:
            stage, variant = waiting[number].popleft()
            running[number] = StageProcess(stage, run, variant, on_line=on_line)
            _start(running[number], environ, number, said)

    with stopped_by_sigterm():
        try:
            for number in range(len(lanes)):
                start_next(number)
            while running:
                number, child, line = said.get()
                if line is not None:
                    child.last_lines.append(line)
                    on_line(line)
                    continue
                _conclude(running[number], child, on_line)
                del running[number]
                start_next(number)
        except BaseException as err:
            _end_all(list(running.values()), err)
            raise


_Said = tuple[int, Child, str | None]
"""A lane, the process that runs in it, and a line that it has printed; None at its end."""


def _start(
    process: StageProcess, environ: Mapping[str, str], number: int, said: "SimpleQueue[_Said]"
) -> None:
    child = process.start(environ)

    def read() -> None:
        for line in child.lines():
            said.put((number, child, line))
        said.put((number, child, None))

    Thread(target=read, daemon=True).start()


def _conclude(process: StageProcess, child: Child, on_line: Callable[[str], None]) -> None:
    try:
        process.check(child)
    except StageError as err:
        on_line(str(err))


def _end_all(processes: list[StageProcess], err: BaseException) -> None:
    """End all, having asked each first: those that need time for it have it together."""
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.interrupt(err)
