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

from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.progress_record import ProgressRecord

_NAME_WIDTH = max(len(f"train {name}") for name in VARIANTS)
_BAR_WIDTHS = ((120, 20), (100, 10))
"""Of the bar, by the minimum width of the terminal; a narrower one has only the numbers."""

_POLL_SECONDS = 0.3
_QUIET_SECONDS = 5.0

Show = Callable[[ProgressRecord], None]


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

    def show(self, event: ProgressRecord) -> None:
        if event.kind == "epoch":
            last = event.epoch == event.n_epochs
            if not last and event.at - self._epoch_shown_at < _QUIET_SECONDS:
                return
            self._epoch_shown_at = event.at
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        line = f"{clock}  {event.name:<{_NAME_WIDTH}}  {_sentence(event)}"
        self._console.print(Text(line), soft_wrap=True)


class _Bars:
    """Events as one line a stage, with a bar for the epochs, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._bar_width = next((bar for minimum, bar in _BAR_WIDTHS if console.width >= minimum), 0)
        self._progress = Progress(
            TextColumn(f"{{task.fields[mark]}} {{task.description:<{_NAME_WIDTH}}}"),
            *([BarColumn(bar_width=self._bar_width)] if self._bar_width else []),
            TextColumn("{task.fields[text]}"),
            console=console,
        )
        self._console = console
        self._tasks: dict[str, TaskID] = {}

    @contextmanager
    def showing(self) -> Iterator[None]:
        with Live(self._progress, console=self._console, refresh_per_second=8):
            yield

    def show(self, event: ProgressRecord) -> None:
        if event.name not in self._tasks:
            self._tasks[event.name] = self._progress.add_task(
                event.name, total=None, mark=" ", text=""
            )
        task = self._tasks[event.name]
        if event.kind == "epoch":
            self._progress.update(task, completed=event.epoch, total=event.n_epochs)
        marks = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "stopped": "[yellow]■[/]"}
        if event.kind == "done":
            self._progress.update(task, completed=1, total=1)
        text = self._cropped(_sentence(event)).markup
        self._progress.update(task, mark=marks.get(event.kind, "[cyan]▸[/]"), text=text)
        if event.level == "warning":  # else the next event takes its place
            self._console.print(Text(f"{event.name}: {event.text}", style="yellow"))
        if event.kind == "failed" and event.variant:
            self._console.print(Text(f"{event.name}: {event.text}", style="red"))

    def _cropped(self, sentence: str) -> Text:
        """Leave out what has no place in the line, so that names stay whole."""
        taken = len("✓ ") + _NAME_WIDTH + 1 + (self._bar_width + 1 if self._bar_width else 0)
        text = Text(sentence.splitlines()[0])
        text.truncate(max(1, self._console.width - taken), overflow="ellipsis")
        return text


def _sentence(event: ProgressRecord) -> str:
    if event.kind == "failed" and not event.variant:
        return event.text.splitlines()[0]  # it ends the run, whose last words say the rest
    fit = f"{event.fit}, " if event.fit else ""
    return f"{fit}{event.text}"
