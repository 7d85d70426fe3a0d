"""A DAG of the project: what starts it, its time limit, and who hears how it ended."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag
from airflow.sdk.exceptions import AirflowTimetableInvalid

from cxr_airflow.notifier import notifications
from cxr_airflow.tasks import RUN_HOURS, time_limit
from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.defaults import Defaults, check_schedule

IMAGES = Asset("cxr_images")
"""Emitted by `cxr_watch` when the source of the scheduled runs has changed."""

CHAMPION = Asset("cxr_champion")
"""Emitted by `cxr_pipeline` when another model serves from now on."""

SCHEDULE = "CXR_SCHEDULE"
"""Environment variable: a cron expression, in UTC, by which `cxr_pipeline` runs; off unless set."""

WATCH_SCHEDULE = "CXR_WATCH_SCHEDULE"
"""Environment variable: likewise for `cxr_watch`."""

TIDY_SCHEDULE = "CXR_TIDY_SCHEDULE"
"""Environment variable: likewise for `cxr_tidy`."""


OWNER = "CXR_OWNER"
"""Environment variable: whom Airflow's UI names as the DAGs' owner; `cxr` unless set."""


def cxr_dag(
    dag_id: str, doc: str, *, description: str, schedule: Any, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Make a DAG of a function, as every DAG here is: one run at a time, time limit, notifications.

    Args:
        dag_id: Its name.
        doc: Markdown for its page in Airflow's UI.
        description: A sentence for the list of DAGs.
        schedule: What starts it; None: only a person.
        options: Of Airflow's `dag`, where one differs.
    """
    usual = {
        "max_active_runs": 1,
        "dagrun_timeout": time_limit(RUN_HOURS),
        "default_args": {"owner": owner()},
        "tags": ["cxr"],
    }
    options = {**usual, **notifications(), **options}
    return dag(dag_id=dag_id, description=description, doc_md=doc, schedule=schedule, **options)


def owner(environ: Mapping[str, str] = os.environ) -> str:
    """Return whom the UI names as the owner."""
    return environ.get(OWNER, "").strip() or "cxr"


def images_schedule(cron: Any) -> Any:
    """Return the schedule of a DAG that runs on new images and, unless it is None, by `cron`."""
    return [IMAGES] if cron is None else AssetOrTimeSchedule(timetable=cron, assets=[IMAGES])


def cron_schedule(
    variable: str, defaults: Defaults | None = None, environ: Mapping[str, str] = os.environ
) -> Any:
    """Return the schedule that an environment variable names; None without one: only by hand.

    Args:
        variable: Its name.
        defaults: What scheduled runs train on, if the DAG leads to a training.
        environ: Holds the variable.

    Raises:
        ConfigError: It holds no cron expression, or the defaults train on synthetic images.
    """
    expression = environ.get(variable, "").strip()
    if not expression:
        return None
    timetable = CronTriggerTimetable(expression, timezone="UTC")
    try:
        timetable.validate()
    except AirflowTimetableInvalid as err:
        raise ConfigError(
            f"{variable}={expression!r} is no schedule: {err}.",
            "A schedule is a cron expression of five fields, in UTC, or @hourly, @daily, @weekly.",
            f"Correct {variable}, for example {variable}='0 3 * * 0', or unset it.",
        ) from err
    if defaults is not None:
        check_schedule(defaults, because=f"{variable} is set")
    return timetable
