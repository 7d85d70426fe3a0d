"""One run's settings: each with its default, limits and help, in one place.

The DAG's trigger form, the command line's flags and the checks all come from `RunConfig`.
"""

from cxr_tasks.settings.kaggle_handle import STUDY_SLUG
from cxr_tasks.settings.model import (
    PATH_SETTINGS,
    PROFILES,
    SETTINGS,
    WEIGHTS_WITHOUT_FILE,
    RunConfig,
    Setting,
    default_of,
)

__all__ = [
    "PATH_SETTINGS",
    "PROFILES",
    "SETTINGS",
    "STUDY_SLUG",
    "WEIGHTS_WITHOUT_FILE",
    "RunConfig",
    "Setting",
    "default_of",
]
