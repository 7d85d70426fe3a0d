"""How far a run is, in the terminal: a table that follows it, or a line for each change."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cxr_tasks.cli.run_page import fitting_page, whole_page
from cxr_tasks.cli.run_words import doing, notes, time_left
from cxr_tasks.watching.run_progress import RunProgress, TaskProgress

Show = Callable[[RunProgress, float], None]
"""Shows how far a run is, at a time in seconds since 1970."""

_QUIET_SECONDS = 5.0


def show_once(progress: RunProgress, *, now: float) -> None:
    """Print how far a run is."""
    console = Console(highlight=False)
    console.print(whole_page(progress, now, width=console.width))


@contextmanager
def showing() -> Iterator[Show]:
    """Yield what shows a run again and again: in place on a terminal, else as lines."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield _Lines(console).show
        return
    # what is higher than the window cannot be drawn over, and would be printed again each time
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        screen = _Screen(console, live)
        try:
            yield screen.show
        finally:
            screen.end()


class _Screen:
    """A page that is drawn over the one before, no higher than the window; the last is whole."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._last: tuple[RunProgress, float] | None = None

    def show(self, progress: RunProgress, now: float) -> None:
        self._last = (progress, now)
        self._live.update(fitting_page(progress, now, self._console), refresh=True)

    def end(self) -> None:
        """Leave the last page whole, however high; it is drawn as `Live` ends."""
        if self._last is not None:
            progress, now = self._last
            self._live.update(whole_page(progress, now, width=self._console.width))


class _Lines:
    """A line for each change, for a file or a pipe; of the epochs one every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, str]] = {}
        self._at: dict[str, float] = {}
        self._noted: set[str] = set()

    def show(self, progress: RunProgress, now: float) -> None:
        for task in progress.tasks:
            self._show(task, now)
        for note in notes(progress):
            if note not in self._noted:
                self._noted.add(note)
                self._print(note, now)

    def _show(self, task: TaskProgress, now: float) -> None:
        state, said = self._shown.get(task.name, ("", ""))
        says = doing(task)
        is_new_state = task.state != state
        if not is_new_state and (
            says == said or now - self._at.get(task.name, 0.0) < _QUIET_SECONDS
        ):
            return
        self._shown[task.name], self._at[task.name] = (task.state, says), now
        left = time_left(task, now)
        self._print(f"{task.name:<26}  {task.state:<12}  {says}{f'; {left}' if left else ''}", now)

    def _print(self, text: str, now: float) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        self._console.print(Text(f"{clock}  {text}".rstrip()), soft_wrap=True)
