"""Whether a process works on a run: its locks tell, since a lock dies with its holder."""

from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.volume.locks import is_locked, locks_of_run
from cxr_tasks.volume.paths import RunPaths

_PAUSE_SECONDS = 60.0
"""So long a run may be between two stages, or a stage on its way to its lock."""


def is_at_work(run: RunPaths, facts: RunFacts | None, *, now: float) -> bool:
    """Return whether a process works on a run, or did a moment ago.

    Args:
        run: The run.
        facts: What was read of it; None where there is nothing.
        now: In seconds since 1970.
    """
    if facts is None:
        return False
    seen = facts.last_sign.at if facts.last_sign else facts.started
    return now - seen < _PAUSE_SECONDS or any(is_locked(path) for path in locks_of_run(run))
