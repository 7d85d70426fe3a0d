"""What a person sees in the terminal while a run goes on, and at its end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from cxr_tasks.progress import Event, duration, read_events

_POLL_SECONDS = 0.3
_QUIET_SECONDS = 5.0

Show = Callable[[Event], None]


@contextmanager
def following(path: Path, *, stream: TextIO | None = None) -> Iterator[None]:
    """Show a run's events from its progress file while the block runs.

    On a terminal, a line for each stage with a bar; elsewhere plain lines, of the epochs one
    every few seconds.

    Args:
        path: The run's progress file.
        stream: Where to show them; None for standard output.
    """
    offset = path.stat().st_size if path.exists() else 0
    console = Console(file=stream, highlight=False)
    view = _Bars(console) if console.is_terminal else _Lines(console)
    ended = threading.Event()
    follower = threading.Thread(target=_follow, args=(path, offset, view.show, ended), daemon=True)
    with view.showing():
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()


def _follow(path: Path, offset: int, show: Show, ended: threading.Event) -> None:
    while True:
        last = ended.is_set()  # read once more after the end, for the last events
        for event, offset_after in read_events(path, offset=offset):
            offset = offset_after
            show(event)
        if last:
            return
        ended.wait(_POLL_SECONDS)


class _Lines:
    """Events as lines of text, for a file or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._epoch_shown_at = 0.0

    @contextmanager
    def showing(self) -> Iterator[None]:
        yield

    def show(self, event: Event) -> None:
        if event.kind == "epoch":
            last = event.epoch == event.n_epochs
            if not last and event.at - self._epoch_shown_at < _QUIET_SECONDS:
                return
            self._epoch_shown_at = event.at
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        self._console.print(Text(f"{clock}  {event.name:<28}  {_sentence(event)}"), soft_wrap=True)


class _Bars:
    """Events as one line a stage, with a bar for the epochs, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[mark]} {task.description:<28}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[told]}"),
            console=console,
        )
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}

    @contextmanager
    def showing(self) -> Iterator[None]:
        with Live(self._progress, console=self._console, refresh_per_second=8):
            yield

    def show(self, event: Event) -> None:
        if event.name not in self._tasks:
            self._tasks[event.name] = self._progress.add_task(
                event.name, total=None, mark=" ", told=""
            )
        task = self._tasks[event.name]
        if event.kind == "start":
            self._started[event.name] = event.at
        if event.kind == "epoch":
            self._progress.update(task, completed=event.epoch, total=event.n_epochs)
        marks = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "stopped": "[yellow]■[/]"}
        told = Text(_sentence(event).splitlines()[0]).markup
        if event.kind == "done":
            self._progress.update(task, completed=1, total=1)
            told += f"  [dim]{duration(event.at - self._started.get(event.name, event.at))}[/]"
        self._progress.update(task, mark=marks.get(event.kind, "[cyan]▸[/]"), told=told)
        if event.kind == "failed" and event.variant:
            self._console.print(Text(f"{event.name}: {event.text}", style="red"))


def _sentence(event: Event) -> str:
    if event.kind == "failed" and not event.variant:
        return event.text.splitlines()[0]  # it ends the run, whose last words say the rest
    fit = f"{event.fit}, " if event.fit else ""
    if event.kind != "epoch":
        return f"{fit}{event.text}"
    left = f", at most {duration(event.seconds_left)} left" if event.seconds_left else ""
    return f"{fit}epoch {event.epoch}/{event.n_epochs}: {event.text}{left}"
