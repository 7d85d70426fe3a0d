"""What Airflow knows of a DAG's run, as far as a page needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cxr_tasks.errors import shown
from cxr_tasks.runs.start import started_key
from cxr_tasks.settings.form import RUN_NAME
from cxr_tasks.volume.paths import run_key_from
from cxr_tasks.watching.run_progress import AirflowTask
from cxr_tasks.watching.watch import GOING

PIPELINE, SCORING = "cxr_pipeline", "cxr_score"
NAMED_BY = {PIPELINE: RUN_NAME, SCORING: "name"}
"""DAGs whose runs have a page, each with the parameter that may name its folder."""


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow knows of a run; `state` is None where it knows of none."""

    dag_id: str
    run_id: str
    state: str | None
    conf: Mapping[str, Any] = field(default_factory=dict)
    # state of its task `start`; None where Airflow has no such task of it any more
    start: str | None = None
    opening: object = None  # what that task says of the run that it has opened
    refusal: str = ""  # why it has opened none, as far as it is known
    tasks: Mapping[str, AirflowTask] = field(default_factory=dict)  # by task id

    @property
    def has_begun(self) -> bool:
        """Whether it has a folder of its own on the shared volume."""
        return self.start in (None, "success")

    @property
    def is_refused(self) -> bool:
        """Whether its task `start` has ended without opening a run."""
        return not self.has_begun and self.state not in GOING

    @property
    def key(self) -> str:
        """Name its folder; where `start` has left no word, as the form does; unchecked."""
        if opened := started_key(self.opening):
            return opened
        given = self.conf.get(NAMED_BY[self.dag_id])
        if isinstance(given, str) and given:
            return given
        return shown(given) if given else run_key_from(self.run_id)
