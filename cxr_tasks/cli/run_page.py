"""How far a run is, as a page of the terminal that is cut down to the window's height."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from cxr_tasks.cli.run_words import doing, notes, time_left
from cxr_tasks.volume.progress import duration
from cxr_tasks.watching.run_progress import SETTLED, RunProgress, TaskProgress, TrainingProgress

_BARS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 16
_WIDE = 110
"""Columns of a terminal that also has room for a curve."""

_STYLES = {
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "cut off": "red",
    "stopped": "yellow",
}


@dataclass(frozen=True)
class _Layout:
    """How much room a page takes."""

    folds: bool = False  # whether the tasks that are settled share a line
    cuts_tasks: bool = False  # whether each of the others has one line
    cuts_notes: bool = False  # whether each finding, and the verdict, has one line


_WHOLE = _Layout()
_SMALLER = (
    _Layout(folds=True),
    _Layout(folds=True, cuts_tasks=True),
    _Layout(folds=True, cuts_tasks=True, cuts_notes=True),
)


def whole_page(progress: RunProgress, now: float, *, width: int) -> Group:
    """Return all there is to show, as high as it may be."""
    return _page(progress, now, _WHOLE, width=width)


def fitting_page(progress: RunProgress, now: float, console: Console) -> Group:
    """Return as much of the page as fits the window, or the smallest where nothing does."""
    width, height = console.size
    page = whole_page(progress, now, width=width)
    for layout in _SMALLER:
        if len(console.render_lines(page, pad=False)) <= height:
            break
        page = _page(progress, now, layout, width=width)
    return page


def _page(progress: RunProgress, now: float, layout: _Layout, *, width: int) -> Group:
    settled = [task for task in progress.tasks if task.state in SETTLED and layout.folds]
    others = [task for task in progress.tasks if task not in settled]
    texts = [Text(note) for note in notes(progress)]
    if progress.audit and not progress.verdict:
        texts.append(Text("The verdict is made by evaluate, from this and the scores.", "dim"))
    heads = [_heading(progress, now), *(Text(line, "dim") for line in _folded(settled))]
    return Group(
        *(_cut(text) if layout.cuts_tasks else text for text in heads),
        _table(others, now, width=width, cuts=layout.cuts_tasks),
        *(_cut(text) if layout.cuts_notes else text for text in texts),
    )


def _cut(text: Text) -> Text:
    """Return a text with an ellipsis in place of what its first line has no room for."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _heading(progress: RunProgress, now: float) -> Text:
    text = Text(f"Run {progress.key}", style="bold")
    parts = [f"profile {progress.profile}", *progress.tags]
    if progress.began is not None:
        until = (progress.last_at or now) if progress.outcome else now
        parts.append(duration(max(0.0, until - progress.began)))
    waits = f"waits for {progress.waits_for}" if progress.waits_for else "under way"
    parts.append(progress.outcome or waits)
    return text.append(f"  {', '.join(parts)}", style="not bold")


def _folded(settled: Sequence[TaskProgress]) -> Iterator[str]:
    """Yield the one line of the tasks that need nothing more; none where there are none."""
    names: dict[str, list[str]] = {}
    for task in settled:
        names.setdefault(task.state, []).append(task.name)
    if names:
        yield "; ".join(f"{state}: {', '.join(each)}" for state, each in names.items())


def _table(tasks: Sequence[TaskProgress], now: float, *, width: int, cuts: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, expand=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if width >= _WIDE:
        table.add_column(no_wrap=True)
    for task in tasks:
        style = _STYLES.get(task.state, "dim")
        cell = _cut(_cell(task, now)) if cuts else _cell(task, now)
        cells = [Text(task.name), Text(task.state, style=style), cell]
        curve = _curve(task.training) if task.training and width >= _WIDE else ""
        table.add_row(*cells, *([Text(curve, style="cyan")] if width >= _WIDE else []))
    return table


def _cell(task: TaskProgress, now: float) -> Text:
    text = Text(doing(task), style="" if task.state in _STYLES else "dim")
    if task.state == "running" and task.began is not None:
        left = time_left(task, now)
        since = duration(max(0.0, now - task.began))
        text.append(f" ({since}{f'; {left}' if left else ''})", style="dim")
    return text


def _curve(training: TrainingProgress) -> str:
    """Draw the validation loss of the present fit as a row of bars."""
    fit = next((fit for fit in training.fits if fit.name == training.fit), None)
    return _bars([epoch.val_loss for epoch in fit.epochs]) if fit else ""


def _bars(values: Sequence[float]) -> str:
    if len(values) < 2:
        return ""
    n = min(_CURVE_WIDTH, len(values))
    shown = [values[round(at * (len(values) - 1) / (n - 1))] for at in range(n)]
    low, span = min(shown), (max(shown) - min(shown)) or 1.0
    return "".join(_BARS[int((value - low) / span * (len(_BARS) - 1))] for value in shown)
