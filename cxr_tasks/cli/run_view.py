"""How far a run is, in the terminal: a table that follows it, or a line for each change."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cxr_tasks.volume.progress import duration
from cxr_tasks.watching.run_progress import (
    Outcome,
    RunProgress,
    TaskProgress,
    TrainingProgress,
    VerdictSoFar,
)
from cxr_tasks.wording import VERDICT_NAMES, decimal, one_line, percent

Show = Callable[[RunProgress, float], None]
"""Shows how far a run is, at a time in seconds since 1970."""

_QUIET_SECONDS = 5.0
_BARS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 16
_WIDE = 110
"""Columns of a terminal that also has room for a curve."""

_LONGEST = 4000
"""Characters of a line; more have nothing to tell."""

_HOW: Mapping[Outcome, str] = {
    "": "goes on",
    "finished": "is finished",
    "failed": "failed",
    "stopped": "was stopped",
    "cut off": "was cut off",
    "gone": "is gone: it was deleted, or has another name now",
}

_STYLES = {
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "cut off": "red",
    "stopped": "yellow",
}


def show_once(progress: RunProgress, *, now: float) -> None:
    """Print how far a run is."""
    console = Console(highlight=False)
    console.print(_page(progress, now, width=console.width))


@contextmanager
def showing() -> Iterator[Show]:
    """Yield what shows a run again and again: in place on a terminal, else as lines."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda progress, now: live.update(
            _page(progress, now, width=console.width), refresh=True
        )


def ending(progress: RunProgress, *, report: Path) -> str:
    """Return what is told at the end: errors in full, the verdict, and where the report is."""
    how = f"T{how_it_is(progress)[1:]}"
    if progress.outcome == "gone":
        return f"\n{how}"
    lines = [""]
    for task in progress.tasks:
        if task.failure:
            word = "was stopped" if task.failure.stopped else "failed"
            message = task.failure.message.splitlines()
            lines += [f"{task.name} {word}:", *(one_line(line, _LONGEST) for line in message), ""]
    if progress.verdict and progress.outcome:  # before, it stands below the table
        lines += [_verdict(progress.verdict), ""]
    lines.append(how)
    if progress.has_report:
        lines.append(f"Report: {report}")
    return "\n".join(lines)


def how_it_is(progress: RunProgress) -> str:
    """Return in a sentence that begins small whether a run goes on, or how it ended."""
    if progress.waits_for:
        return f"the run {progress.key} waits for {progress.waits_for}."
    return f"the run {progress.key} {_HOW[progress.outcome]}."


class _Lines:
    """A line for each change, for a file or a pipe; of the epochs one every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, str]] = {}
        self._at: dict[str, float] = {}

    def show(self, progress: RunProgress, now: float) -> None:
        for task in progress.tasks:
            self._show(task, now)

    def _show(self, task: TaskProgress, now: float) -> None:
        state, said = self._shown.get(task.name, ("", ""))
        says = _doing(task)
        is_new_state = task.state != state
        if not is_new_state and (
            says == said or now - self._at.get(task.name, 0.0) < _QUIET_SECONDS
        ):
            return
        self._shown[task.name], self._at[task.name] = (task.state, says), now
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        left = _left(task, now) if task.state == "running" else ""
        line = f"{clock}  {task.name:<26}  {task.state:<12}  {says}{f'; {left}' if left else ''}"
        self._console.print(Text(line.rstrip()), soft_wrap=True)


def _page(progress: RunProgress, now: float, *, width: int) -> Group:
    return Group(_heading(progress, now), _table(progress, now, width=width), *_audit(progress))


def _heading(progress: RunProgress, now: float) -> Text:
    text = Text(f"Run {progress.key}", style="bold")
    parts = [f"profile {progress.profile}", *progress.tags]
    if progress.began is not None:
        until = (progress.last_at or now) if progress.outcome else now
        parts.append(duration(max(0.0, until - progress.began)))
    waits = f"waits for {progress.waits_for}" if progress.waits_for else "under way"
    parts.append(progress.outcome or waits)
    return text.append(f"  {', '.join(parts)}", style="not bold")


def _table(progress: RunProgress, now: float, *, width: int) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, expand=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if width >= _WIDE:
        table.add_column(no_wrap=True)
    for task in progress.tasks:
        style = _STYLES.get(task.state, "dim")
        cells = [Text(task.name), Text(task.state, style=style), _cell(task, now)]
        curve = _curve(task.training) if task.training and width >= _WIDE else ""
        table.add_row(*cells, *([Text(curve, style="cyan")] if width >= _WIDE else []))
    return table


def _cell(task: TaskProgress, now: float) -> Text:
    text = Text(_doing(task), style="" if task.state in _STYLES else "dim")
    if task.state == "running" and task.began is not None:
        left = _left(task, now)
        since = duration(max(0.0, now - task.began))
        text.append(f" ({since}{f'; {left}' if left else ''})", style="dim")
    return text


def _doing(task: TaskProgress) -> str:
    """Return what a task does, or why it does nothing, in a line."""
    training = task.training
    if task.state != "running" or training is None or not training.epoch:
        return one_line(next(iter(task.says.splitlines()), ""), _LONGEST)
    fit = f"{training.fit}, " if training.fit else ""
    most = "" if training.fit == "final fit" else "at most "
    text = f"{fit}epoch {training.epoch} of {most}{training.n_epochs}"
    last = training.last
    if last is None:
        return text
    return (
        f"{text}: loss {decimal(last.loss)}, validation {decimal(last.val_loss)}, accuracy "
        f"{percent(last.val_accuracy)}"
    )


def _left(task: TaskProgress, now: float) -> str:
    training = task.training
    if training is None:
        return ""
    parts = []
    if training.fit_until is not None:
        of = " of this fit" if training.fit else ""
        parts.append(f"at most {duration(max(0.0, training.fit_until - now))} left{of}")
    if training.until is not None:
        parts.append(f"about {duration(max(0.0, training.until - now))} left of all")
    return ", ".join(parts)


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


def _audit(progress: RunProgress) -> Iterator[Text]:
    """Yield what is found so far; at the end the verdict is told below (`ending`)."""
    if progress.verdict:
        if not progress.outcome:
            yield Text(_verdict(progress.verdict))
    elif progress.audit:
        for each in progress.audit.findings:
            yield Text(f"Audit, {each.severity}: {one_line(each.message, _LONGEST)}")
        yield Text("The verdict is made by evaluate, from this and the scores.", style="dim")


def _verdict(verdict: VerdictSoFar) -> str:
    return f"Verdict: {VERDICT_NAMES[verdict.verdict]}. {one_line(verdict.sentence, _LONGEST)}"
