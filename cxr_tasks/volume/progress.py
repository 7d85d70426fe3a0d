"""Events of a run: each is one line of text for a person, and one JSON line in a file."""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cxr_tasks.volume.progress_record import EpochFigures, EventKind, Level, ProgressRecord

Item = TypeVar("Item")
Report = Callable[[str], None]
"""Takes a line of text for whoever watches."""

_WATCH_SECONDS = 5.0

_WARNING = "Warning: "
_WARNS = re.compile(
    r"([\w .]+: )*Warning: "  # this project's, behind the stage's name
    r"|WARNING\b"  # Python's and TensorFlow's loggers
    r"|.+:\d+: \w*Warning: "  # the module `warnings`
)


@dataclass(frozen=True)
class Progress:
    """Where the events of one stage go: as lines to `echo`, and to the run's progress file."""

    path: Path
    stage: str
    variant: str = ""
    fit: str = ""
    echo: Callable[[str], object] = print
    clock: Callable[[], float] = time.time

    def note(self, text: str) -> None:
        """Report something worth knowing."""
        self.emit("note", text)

    def epoch(
        self,
        epoch: int,
        *,
        n_epochs: int,
        seconds_left: float,
        text: str,
        figures: EpochFigures | None = None,
    ) -> None:
        """Report that an epoch has ended, what it measured, and how long the rest takes at most."""
        left = f", at most {duration(seconds_left)} left" if seconds_left else ""
        self.emit(
            "epoch",
            f"epoch {epoch}/{n_epochs}{left}: {text}",
            epoch=epoch,
            n_epochs=n_epochs,
            seconds_left=seconds_left,
            figures=figures,
        )

    def emit(
        self,
        kind: EventKind,
        text: str,
        *,
        epoch: int = 0,
        n_epochs: int = 0,
        seconds_left: float = 0.0,
        figures: EpochFigures | None = None,
    ) -> None:
        """Append an event to the file and echo its line.

        Several processes append to one file; one short write with O_APPEND is one line.
        """
        of = f"{self.stage} {self.variant}".rstrip()
        self.echo(f"{of}: {f'{self.fit}: ' if self.fit else ''}{text}")
        event = {
            "stage": self.stage,
            "kind": kind,
            "text": text,
            "variant": self.variant,
            "epoch": epoch,
            "n_epochs": n_epochs,
            "seconds_left": seconds_left,
            "at": self.clock(),
            "fit": self.fit,
            "level": level_of(text),
            "figures": figures and figures.content(),
        }
        line = json.dumps(event, ensure_ascii=True) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def warning(text: str) -> str:
    """Mark a text as a warning, for whoever passes lines of text on."""
    return f"{_WARNING}{text}"


def level_of(line: str) -> Level:
    """Read the level of a line that a stage prints: its own, or that of a library in it."""
    return "warning" if _WARNS.match(line) else "info"


def read_events(path: Path, *, offset: int = 0) -> Iterator[tuple[ProgressRecord, int]]:
    """Read the whole lines after `offset`; with each event comes the offset after it.

    Lines that are no event, such as one cut by a full volume, are passed over.
    """
    if not path.exists():
        return
    with path.open("rb") as stream:
        stream.seek(offset)
        while (line := stream.readline()).endswith(b"\n"):
            try:
                event = ProgressRecord.model_validate_json(line)
            except ValueError:
                continue
            yield event, stream.tell()


def watched(items: Iterable[Item], *, n: int, report: Report) -> Iterator[Item]:
    """Pass images through, and report every few seconds how many of `n` are done."""
    started = reported = time.monotonic()
    for n_done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - reported >= _WATCH_SECONDS:
            left = (now - started) / n_done * (n - n_done)
            report(f"{n_done} of {n} images, {duration(left)} left")
            reported = now


def duration(seconds: float) -> str:
    """Write a number of seconds as a person would: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
