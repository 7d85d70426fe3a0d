"""Looks at a run again and again: each look reads only what is new."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from threading import Lock

from cxr_tasks.volume.locks import is_locked, locks_of_run
from cxr_tasks.volume.paths import Home, RunPaths, find_inside
from cxr_tasks.watching.event_log import EventLog
from cxr_tasks.watching.left import LeftReader
from cxr_tasks.watching.run_progress import AirflowTask, Left, Outcome, RunProgress, TaskProgress
from cxr_tasks.watching.states import NO_AIRFLOW, Sources, make_tasks, without_hope
from cxr_tasks.watching.task_names import STAGE_OF

PAUSE_SECONDS = 60.0
"""How long a run may be between two stages, or a stage on its way to its lock."""

GOING = ("queued", "running", "restarting")
"""Airflow's states of a DAG's run that has not ended."""

_MAX_WATCHED = 16
"""Runs whose events are kept in memory; a run that is looked at again is read again."""


def is_at_work(run: RunPaths, seen: float, *, now: float) -> bool:
    """Return whether a process works on a run, or did a moment ago.

    Its locks show it, since a lock dies with its holder.

    Args:
        run: The run.
        seen: When something happened in it last, in seconds since 1970.
        now: Likewise.
    """
    return was_just_seen(seen, now=now) or any(is_locked(path) for path in locks_of_run(run))


def was_just_seen(at: float, *, now: float) -> bool:
    """Return whether something happened so lately that its process may be on its way to a lock.

    What lies ahead by more is of another clock, or of one that was set back, and says nothing.
    """
    return abs(now - at) < PAUSE_SECONDS


def progress_before_start(key: str, state: str, airflow: Mapping[str, AirflowTask]) -> RunProgress:
    """Return how far a run of the DAG is that has left nothing on the volume yet.

    Args:
        key: The name that it will have.
        state: What Airflow says of it.
        airflow: What Airflow says of its tasks, by task id.
    """
    tasks = make_tasks(Sources(EventLog(), Left(), frozenset(), airflow))
    return _progress(key, tasks, Left(), state, at_work=True, stamp=())


class Watches:
    """The runs of one shared volume that are looked at, by many at once."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = Lock()
        self._watches: OrderedDict[str, Watch] = OrderedDict()

    def of(self, run: RunPaths) -> "Watch":
        """Return the watch on a run, which goes on from the last look."""
        with self._lock:
            watch = self._watches.pop(run.key, None) or Watch(run)
            self._watches[run.key] = watch
            while len(self._watches) > _MAX_WATCHED:
                self._watches.popitem(last=False)
            return watch


class Watch:
    """One run that is looked at again and again, maybe by several threads."""

    def __init__(self, run: RunPaths) -> None:
        self.run = run
        self._log = EventLog()
        self._left = LeftReader(run)
        self._lock = Lock()

    def look(
        self, *, now: float, state: str = "", airflow: Mapping[str, AirflowTask] = NO_AIRFLOW
    ) -> RunProgress:
        """Return how far the run is.

        Args:
            now: In seconds since 1970; decides whether silence means that a process is gone.
            state: What Airflow says of the run; empty where Airflow was not asked.
            airflow: What Airflow says of its tasks, by task id; likewise.
        """
        with self._lock:
            return self._look(now, state, airflow)

    def _look(self, now: float, state: str, airflow: Mapping[str, AirflowTask]) -> RunProgress:
        path = find_inside(self.run.root, self.run.progress)
        with suppress(OSError):  # deleted meanwhile, or not to be read
            if path is not None:
                self._log.read_on(path)
        stamps, left = self._left.stamps(), self._left.read()
        held = self._at_work(now)
        is_quiet = not held and not self._was_just_seen(now)
        tasks = make_tasks(Sources(self._log, left, held, airflow, is_quiet))
        at_work = any(task.state == "running" for task in tasks) or self._was_just_seen(now)
        stamp = (self._log.offset, stamps)
        progress = _progress(self.run.key, tasks, left, state, at_work=at_work, stamp=stamp)
        if not state and _is_gone(self.run):
            progress = replace(progress, outcome="gone", waits_for="")
        return replace(progress, began=self._log.began, last_at=self._log.last_at)

    def _at_work(self, now: float) -> frozenset[str]:
        return frozenset(name for name, log in self._log.tasks.items() if self._is_held(name, now))

    def _is_held(self, name: str, now: float) -> bool:
        """Return whether a task has told something just now, or a process holds its lock."""
        last = self._log.task(name).last
        if last is None or was_just_seen(last.at, now=now):
            return last is not None
        return is_locked(self.run.lock(*STAGE_OF[name]))

    def _was_just_seen(self, now: float) -> bool:
        return self._log.last_at is not None and was_just_seen(self._log.last_at, now=now)


def _is_gone(run: RunPaths) -> bool:
    """Return whether a run is not there any more: without its settings there is no run."""
    try:
        run.config.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # whatever it is, it is no sign of that
        return False
    return False


def _progress(
    key: str,
    tasks: tuple[TaskProgress, ...],
    left: Left,
    state: str,
    *,
    at_work: bool,
    stamp: object,
) -> RunProgress:
    outcome = _outcome(tasks, left, state, at_work=at_work)
    tasks = without_hope(tasks) if outcome else tasks
    waits_for = "" if outcome or at_work else _waits_for(left, state)
    told = (stamp, outcome, waits_for, [(task.state, task.says, task.n_tries) for task in tasks])
    return RunProgress(
        key,
        tasks,
        outcome,
        version=sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()[:32],
        profile=left.profile,
        tags=left.tags,
        audit=left.audit,
        verdict=left.verdict,
        has_report="report" in left.finished,
        problem=left.problem,
        waits_for=waits_for,
    )


def _outcome(tasks: tuple[TaskProgress, ...], left: Left, state: str, *, at_work: bool) -> Outcome:
    """Return how a run ended, or that it goes on."""
    failed = [task for task in tasks if task.state in ("failed", "stopped", "cut off")]
    if state in GOING or any(task.state == "running" for task in tasks):
        return ""
    if not failed and all(task.state in ("done", "skipped", "not selected") for task in tasks):
        return "finished"
    if state == "success":
        return "finished"
    if at_work and not state and not _is_final(tasks, left):
        return ""
    if not state and any(task.state == "queued" for task in tasks):  # given back
        return ""
    if not failed and not state and _waits_for(left, state):
        return ""
    if any(task.state == "failed" for task in failed) or state == "failed":
        return "stopped" if failed and all(task.state == "stopped" for task in failed) else "failed"
    return "stopped" if any(task.state == "stopped" for task in failed) else "cut off"


def _waits_for(left: Left, state: str) -> str:
    """Return what a run may wait for on which no process works; empty where there is nothing.

    Airflow's queue leaves nothing on the volume: it cannot be told from a run that was cut off
    between two tasks, so that neither is claimed.
    """
    if left.asks:
        return f"a person to approve it: {left.asks}"
    in_queue = left.is_of_airflow and not state
    return "Airflow to begin its next task, as far as is seen here" if in_queue else ""


def _is_final(tasks: tuple[TaskProgress, ...], left: Left) -> bool:
    """Return whether a run has certainly ended: nobody tries again what has failed."""
    failures = list(left.failures.values())
    if failures and all(each.stopped for each in failures):
        return True
    by_name = {task.name: task for task in tasks}
    if by_name["gate"].state == "failed":
        return True
    return any(
        (failure := left.failures.get(name)) is not None and not failure.retryable
        for name in ("ingest", "split", "evaluate", "report", "promote")
        if by_name[name].state == "failed"
    )
