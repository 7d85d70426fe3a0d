"""What a Celery worker does when it is asked to end: it has its tasks given back.

Celery by itself lets them go on, so that a training would go on until the container is killed;
Airflow would miss it after minutes and count its retry against it.

No plugin (`.airflowignore`), and here because Airflow's workers find it here: Celery imports it in
them alone, by `[celery] extra_celery_config` = `{"imports": ["cxr_worker"]}`.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery.signals import worker_shutting_down
from celery.worker import state

OURS = "cxr_"
"""What the names of this project's DAGs begin with; tasks of others are left to finish."""

_PAUSE_SECONDS = 0.5


def give_back(**_: Any) -> None:
    """Begin to ask the tasks of this worker to end; in a thread, since Celery has to go on."""
    threading.Thread(target=_ask_again_and_again, name="give-back", daemon=True).start()


def _ask_again_and_again() -> None:
    """Ask until this process ends.

    A task may have come just now, and one that does not yet wait for its stage's process hears
    nothing (Airflow's task runner answers with `on_kill`, which does nothing here).
    """
    seen: frozenset[int] = frozenset()
    while True:
        ready = frozenset(ready_to_be_asked(pool_processes()))
        # Only what was there at the look before: a process that was forked a moment ago still has
        # the handlers of the pool's process, and SIGTERM would end it as a failed try.
        for pid in ready & seen:
            _ask(pid)
        seen = ready
        time.sleep(_PAUSE_SECONDS)


def pool_processes() -> frozenset[int]:
    """Return the processes of Celery's pool that supervise a task of this project now."""
    try:
        active = list(state.active_requests)
    except RuntimeError:  # one came or went meanwhile; there is a next time
        return frozenset()
    return frozenset(each.worker_pid for each in active if each.worker_pid and is_ours(each.args))


def is_ours(arguments: list[Any]) -> bool:
    """Return whether what Airflow has sent to Celery is a task of this project."""
    try:
        return str(json.loads(arguments[0])["ti"]["dag_id"]).startswith(OURS)
    except (LookupError, TypeError, ValueError):  # no task, such as a callback
        return False


def ready_to_be_asked(parents: frozenset[int]) -> Iterator[int]:
    """Return the child processes that handle SIGTERM: one that still loads its DAG would die."""
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = path.read_text(errors="replace").splitlines()  # a name of any bytes
        except OSError:  # it has ended
            continue
        status = dict(line.split(":", 1) for line in lines)
        handles_sigterm = int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1
        if int(status["PPid"]) in parents and handles_sigterm:
            yield int(path.parent.name)


def _ask(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


worker_shutting_down.connect(give_back)
