"""How long a task and a run of a DAG may take, as the operator says."""

import math
import os
from collections.abc import Mapping
from datetime import timedelta

from cxr_tasks.errors import ConfigError

TASK_HOURS = "CXR_TASK_TIMEOUT_HOURS"
"""Environment variable: after how many hours a try of a task is ended; it is retried then."""

TRAINING_HOURS = "CXR_TRAINING_TIMEOUT_HOURS"
"""Environment variable: likewise of a training, whose next try goes on from its checkpoint."""

RUN_HOURS = "CXR_RUN_TIMEOUT_HOURS"
"""Environment variable: after how many hours a DAG's run is given up."""

HOURS: Mapping[str, float] = {TASK_HOURS: 24, TRAINING_HOURS: 144, RUN_HOURS: 336}
"""Where the operator says nothing: a day, six days, two weeks."""

_MOST_HOURS = 100_000


def time_limit(variable: str, environ: Mapping[str, str] = os.environ) -> timedelta:
    """Read one of the limits.

    Raises:
        ConfigError: The variable holds no number of hours.
    """
    given = environ.get(variable, "").strip()
    try:
        hours = float(given) if given else HOURS[variable]
    except ValueError:
        hours = math.nan
    if not 0 < hours <= _MOST_HOURS:
        raise ConfigError(
            f"{variable}={given!r} is no time limit.",
            f"A time limit is a number of hours above 0, up to {_MOST_HOURS}.",
            f"Correct {variable}, for example {variable}={HOURS[variable]:g}, or unset it.",
        )
    return timedelta(hours=hours)
