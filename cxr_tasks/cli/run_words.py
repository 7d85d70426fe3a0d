"""What the terminal says of a run: what a task does, what was found, and how the run ended."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cxr_tasks.volume.progress import duration
from cxr_tasks.watching.run_progress import Outcome, RunProgress, TaskProgress
from cxr_tasks.wording import VERDICT_NAMES, decimal, one_line, percent

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


def doing(task: TaskProgress) -> str:
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


def time_left(task: TaskProgress, now: float) -> str:
    """Return how long a training that runs takes yet; empty where that is not known."""
    training = task.training
    if task.state != "running" or training is None:
        return ""
    parts = []
    if training.fit_until is not None:
        of = " of this fit" if training.fit else ""
        parts.append(f"at most {duration(max(0.0, training.fit_until - now))} left{of}")
    if training.until is not None:
        parts.append(f"about {duration(max(0.0, training.until - now))} left of all")
    return ", ".join(parts)


def notes(progress: RunProgress) -> Iterator[str]:
    """Yield what is known of the whole run so far, what matters most first.

    Once it has ended, the verdict and what cannot be read are told by `ending`.
    """
    if not progress.outcome:
        yield from _on_the_whole(progress)
    for each in progress.audit.findings if progress.audit else ():
        yield f"Audit, {each.severity}: {one_line(each.message, _LONGEST)}"


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
    if progress.outcome:  # before, it is among the notes
        for note in _on_the_whole(progress):
            lines += [note, ""]
    lines.append(how)
    if progress.has_report:
        lines.append(f"Report: {report}")
    return "\n".join(lines)


def how_it_is(progress: RunProgress) -> str:
    """Return in a sentence that begins small whether a run goes on, or how it ended."""
    if progress.waits_for:
        return f"the run {progress.key} waits for {progress.waits_for}."
    return f"the run {progress.key} {_HOW[progress.outcome]}."


def _on_the_whole(progress: RunProgress) -> Iterator[str]:
    """Yield what of the run cannot be read, and its verdict."""
    if progress.problem:
        problem = one_line(progress.problem, _LONGEST)
        yield f"A record cannot be read: {problem} What it tells is missing here."
    if progress.verdict:
        name = VERDICT_NAMES[progress.verdict.verdict]
        yield f"Verdict: {name}. {one_line(progress.verdict.sentence, _LONGEST)}"
