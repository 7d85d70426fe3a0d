"""What the events of a run have told so far, task by task; read on from where it was read to."""

from pathlib import Path

from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.progress_record import ENDS, ProgressRecord
from cxr_tasks.watching.event_checks import is_of_run
from cxr_tasks.watching.fit_log import FitLog

HEAD_BYTES = 4096
"""By which a file is known."""

_MAX_FITS = 401
"""Of a training: as many folds and repeats as settings allow, and the final fit."""


class EventLog:
    """The events of one run; a file that was cut or replaced is read from its beginning."""

    offset: int
    _inode: int

    def __init__(self) -> None:
        self._inode, self._head, self.offset = 0, b"", 0
        self._begin_anew()

    def read_on(self, path: Path) -> None:
        """Read what was added to the file.

        Raises:
            OSError: The file cannot be read.
        """
        status, head = path.stat(), _head_of(path)
        goes_on = status.st_ino == self._inode and head.startswith(self._head)
        if not goes_on or status.st_size < self.offset:
            self._begin_anew()
        self._inode, self._head = status.st_ino, head
        for event, offset in read_events(path, offset=self.offset):
            self.offset = offset
            if is_of_run(event):
                self._add(event)

    def task(self, name: str) -> "TaskLog":
        """Return what is known of a task; of one that is not known yet, nothing."""
        return self.tasks.get(name) or TaskLog()

    def _begin_anew(self) -> None:
        self.offset = 0
        self.began: float | None = None
        self.last_at: float | None = None
        self.tasks: dict[str, TaskLog] = {}

    def _add(self, event: ProgressRecord) -> None:
        self.began = event.at if self.began is None else self.began
        self.last_at = event.at
        self.tasks.setdefault(event.name, TaskLog()).add(event)


def _head_of(path: Path) -> bytes:
    """Read how a file begins: a new one may have the number of one that was deleted.

    Its first event says when it happened, and no one ever changes it.
    """
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


class TaskLog:
    """What one task has told: of its present try, and of the trainings that it consists of."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.last: ProgressRecord | None = None
        self.n_tries = 0
        self.fits: dict[str, FitLog] = {}
        self.fit: FitLog | None = None  # the one that it works on now

    def add(self, event: ProgressRecord) -> None:
        """Take in one event; what a try before has told of the same epochs is replaced."""
        goes_on, self.last = self.is_given_back, event
        if event.kind == "start" and not event.fit:
            self.began, self.fit = event.at, None
            self.n_tries += not goes_on
        elif self.began is None:
            self.began = event.at
        known = event.fit in self.fits or len(self.fits) < _MAX_FITS
        if (event.kind == "epoch" or event.fit) and known:
            began = event.at if event.fit else self.began
            self.fit = self.fits.setdefault(event.fit, FitLog(event.fit, began))
            self.fit.add(event)

    @property
    def is_done(self) -> bool:
        """Whether it ended well."""
        return self.last is not None and self.last.kind == "done"

    @property
    def is_given_back(self) -> bool:
        """Whether its worker was asked to end, and no other has gone on yet."""
        return self.last is not None and self.last.kind == "given back"

    @property
    def is_open(self) -> bool:
        """Whether it has begun and told no end."""
        return self.last is not None and self.last.kind not in ENDS
