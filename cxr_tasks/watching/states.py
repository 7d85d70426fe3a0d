"""The state of each task of a run: from its events, what it has left, and what Airflow says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cxr_tasks.volume.progress_record import ProgressRecord
from cxr_tasks.watching.event_log import EventLog, TaskLog
from cxr_tasks.watching.pace import training_progress
from cxr_tasks.watching.run_progress import SETTLED, AirflowTask, Left, TaskProgress, TaskState
from cxr_tasks.watching.task_names import TASKS, TRAININGS, UPSTREAM

NO_AIRFLOW: Mapping[str, AirflowTask] = {}
_ENDED_BADLY: frozenset[TaskState] = frozenset(("failed", "stopped", "cut off", "not run"))

_BY_AIRFLOW: Mapping[str, TaskState] = {
    "scheduled": "queued",
    "queued": "queued",
    "running": "running",
    "restarting": "running",
    "up_for_retry": "queued",
    "up_for_reschedule": "queued",
    "deferred": "queued",
    "success": "done",
    "failed": "failed",
    "upstream_failed": "not run",
    "skipped": "skipped",
    "removed": "skipped",
}
"""What Airflow's word for a task's state is here; of others the files decide."""


@dataclass(frozen=True)
class Sources:
    """Everything that the states follow from."""

    log: EventLog
    left: Left
    at_work: frozenset[str]  # tasks that a process works on, or did a moment ago
    airflow: Mapping[str, AirflowTask]  # by task id; empty where Airflow was not asked
    is_quiet: bool = False  # whether no process works on it, or did a moment ago


def make_tasks(sources: Sources) -> tuple[TaskProgress, ...]:
    """Return every task of a run in its order."""
    made: dict[str, TaskProgress] = {}
    for name in TASKS:
        made[name] = _make(name, sources, made)
    return tuple(made.values())


def without_hope(tasks: tuple[TaskProgress, ...]) -> tuple[TaskProgress, ...]:
    """Say of the tasks that still wait that they were not run: the run has ended before them."""
    return tuple(
        replace(task, state="not run", says="The run ended before it.")
        if task.state in ("waiting", "queued")
        else task
        for task in tasks
    )


def _make(name: str, sources: Sources, before: Mapping[str, TaskProgress]) -> TaskProgress:
    log, left = sources.log.task(name), sources.left
    variant = name.partition(" ")[2]
    says_airflow = sources.airflow.get(name.replace(" ", "."))
    state = _state(name, sources, before, says_airflow)
    failure = left.failures.get(name)
    if state == "failed" and failure and failure.stopped:
        state = "stopped"
    return TaskProgress(
        name,
        state,
        says=_says(name, state, sources, before, says_airflow),
        variant=variant,
        began=log.began,
        ended=log.last.at if log.last and not log.is_open else None,
        n_tries=max(log.n_tries, says_airflow.try_number if says_airflow else 0),
        failure=failure,
        training=training_progress(log, n_fits=left.n_fits.get(variant, 1)) if variant else None,
    )


def _state(
    name: str,
    sources: Sources,
    before: Mapping[str, TaskProgress],
    says_airflow: AirflowTask | None,
) -> TaskState:
    left = sources.left
    if _is_left_out(name, left):
        return "not selected"
    if left.unchanged_since and name not in ("start", "ingest"):
        return "skipped"
    if says_airflow and (state := _BY_AIRFLOW.get(says_airflow.state or "")):
        return "done" if state == "skipped" and name in left.finished else state
    if name == "start":
        return "done" if left.has_config else "waiting"
    if name == "gate":
        return _gate(left, before)
    return _by_files(name, sources, before)


def _by_files(name: str, sources: Sources, before: Mapping[str, TaskProgress]) -> TaskState:
    log, left = sources.log.task(name), sources.left
    if _is_running(name, sources):
        return "running"
    if log.is_given_back:
        return "queued"
    if name in left.failures:
        return "failed"
    if name in left.finished:
        return "done"
    if log.is_open and not (name == "promote" and not log.n_tries):  # told by who asked a person
        return "cut off"
    needed = [before[each] for each in UPSTREAM[name] if each in ("ingest", "split", "report")]
    return "not run" if any(each.state in _ENDED_BADLY for each in needed) else "waiting"


def _is_running(name: str, sources: Sources) -> bool:
    return sources.log.task(name).is_open and name in sources.at_work


def _gate(left: Left, before: Mapping[str, TaskProgress]) -> TaskState:
    """Return what the check that nothing is missing says, or will say."""
    if before["report"].state in _ENDED_BADLY:
        return "not run"
    if before["report"].state != "done":
        return "waiting"
    needed = ("audit", *(f"train {variant}" for variant in left.variants))
    return "done" if all(before[name].state in SETTLED for name in needed) else "failed"


def _is_left_out(name: str, left: Left) -> bool:
    variant = name.partition(" ")[2]
    return (bool(variant) and variant not in left.variants) or (
        name == "promote" and not left.promotes
    )


def _says(
    name: str,
    state: TaskState,
    sources: Sources,
    before: Mapping[str, TaskProgress],
    says_airflow: AirflowTask | None,
) -> str:
    log, left = sources.log.task(name), sources.left
    if state == "queued":
        return _queued(log, says_airflow)
    if state == "waiting":
        return _waits_for(name, sources, before)
    if state in ("not selected", "skipped", "not run", "cut off"):
        return _why_not(name, state, left, before)
    if name == "promote" and left.decision:
        return left.decision
    if name == "gate":
        return _gate_says(state, before)
    if name == "report" and state == "done":
        return "The page, its figures and its tables are made."
    failure = left.failures.get(name)
    if state in ("failed", "stopped"):
        return failure.message.splitlines()[0] if failure else "The task's log has the reason."
    return _last_line(log)


def _queued(log: TaskLog, task: AirflowTask | None) -> str:
    if task is None or log.is_given_back:
        return _last_line(log)
    if task.state == "scheduled":
        return f"Waits for a free slot of the pool {task.pool}."
    if task.state == "up_for_retry":
        return f"Try {task.try_number} has failed; Airflow tries again soon."
    return "Waits for a free worker."


def _waits_for(name: str, sources: Sources, before: Mapping[str, TaskProgress]) -> str:
    asked = sources.airflow.get("approve")
    if name == "promote" and asked and asked.state == "awaiting_input":
        return "Waits for a person to approve it, in Airflow: Required Actions."
    if name == "promote" and sources.left.asks:
        return f"Waits for a person to approve it: {sources.left.asks}."
    waited = [each for each in UPSTREAM[name] if before[each].state not in SETTLED]
    open_still = [each for each in waited if before[each].state not in _ENDED_BADLY]
    if open_still:
        return f"Waits for {_listed(open_still)}."
    training = [each for each in TRAININGS if _is_running(each, sources)]
    if name in TRAININGS and training:
        are = "is" if len(training) == 1 else "are"
        return f"Waits for its turn: {_listed(training)} {are} under way."
    if sources.is_quiet and sources.left.is_of_airflow and not sources.airflow:
        return "Waits for Airflow to begin it, as far as is seen here."
    return "Is about to begin."


def _listed(names: list[str]) -> str:
    names = [name.removeprefix("train ") for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _why_not(name: str, state: TaskState, left: Left, before: Mapping[str, TaskProgress]) -> str:
    if state == "cut off":
        return (
            "No process works on it any more: it was killed, perhaps for want of memory, or its "
            "machine is gone."
        )
    if state == "not selected":
        return "Not to challenge the champion." if name == "promote" else "Not part of this run."
    if left.unchanged_since:
        return f"Nothing has changed since {left.unchanged_since}."
    failed = [each for each in UPSTREAM[name] if before[each].state in _ENDED_BADLY]
    if failed:
        return f"{_listed(failed)} did not end well."
    return "Skipped by Airflow." if state == "skipped" else "A task before it did not end well."


def _gate_says(state: TaskState, before: Mapping[str, TaskProgress]) -> str:
    missing = [name for name, task in before.items() if task.state in _ENDED_BADLY]
    if state == "failed" and missing:
        return f"Missing: {_listed(missing)}."
    return "Nothing is missing." if state == "done" else ""


def _last_line(log: TaskLog) -> str:
    event: ProgressRecord | None = log.last
    if event is None or event.kind in ("failed", "stopped"):
        return ""
    line = next(iter(event.text.splitlines()), "")
    if event.kind == "start":
        line = "loads and prepares"
    return f"{event.fit}: {line}" if event.fit else line
