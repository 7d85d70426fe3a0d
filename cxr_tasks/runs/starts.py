"""Who has begun a run, when and how, and each time that it was gone on with.

Apart from the run's settings, whose file the stages digest: the same run begun by somebody else has
the same bytes there.
"""

import getpass
import time
from dataclasses import dataclass
from typing import Literal

from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import (
    Facts,
    SealedRecord,
    read_sealed_record,
    write_sealed_record,
)

How = Literal[
    "command line", "by hand", "schedule", "new images", "another DAG", "backfill", "Airflow"
]

_MAX_STARTS = 50
"""That are kept: the first, and the latest ones."""


@dataclass(frozen=True)
class Starter:
    """Who starts a run."""

    by: str  # a user of Airflow, or of the machine; empty where nobody did or it is not known
    how: How
    dag_run: str = ""  # Airflow's id of the run; empty without Airflow


class StartFacts(Facts):
    """One start."""

    at: float
    """In seconds since 1970."""
    by: str
    """A user of Airflow, or of the machine; empty where it was nobody, or is not known."""
    how: How
    dag_run: str
    """Airflow's id of the run; empty without Airflow."""


class StartsRecord(SealedRecord):
    """All starts of a run, the first one first."""

    starts: list[StartFacts]


def at_the_command_line(dag_run: str = "") -> Starter:
    """Describe who types a command."""
    try:
        by = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        by = ""
    return Starter(by, "command line", dag_run)


def note_start(run: RunPaths, starter: Starter) -> None:
    """Add a start to a run's; the caller holds its lock. What is damaged is begun anew."""
    start = StartFacts(at=time.time(), by=starter.by, how=starter.how, dag_run=starter.dag_run)
    starts = [*read_starts(run), start]
    kept = [starts[0], *starts[1:][1 - _MAX_STARTS :]]
    write_sealed_record(run.starts, StartsRecord(starts=kept))


def read_starts(run: RunPaths) -> list[StartFacts]:
    """Read who has started a run; nothing decides by it, so what cannot be read is not known."""
    try:
        return read_sealed_record(run.starts, StartsRecord).starts
    except ArtifactError:
        return []
