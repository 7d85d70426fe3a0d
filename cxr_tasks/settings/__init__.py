"""One run's settings: each with its default, limits and help, in one place.

The DAG's trigger form, the command line's flags and the checks all come from `RunConfig`.
"""

from cxr_tasks.settings.effects import Effect, default_of, without_effect
from cxr_tasks.settings.in_force import settings_in_force
from cxr_tasks.settings.run_config import SETTINGS, RunConfig
from cxr_tasks.settings.setting import PROFILES, STUDY_SLUG, Setting
from cxr_tasks.settings.training_section import WEIGHTS_WITHOUT_FILE

__all__ = [
    "PROFILES",
    "SETTINGS",
    "STUDY_SLUG",
    "WEIGHTS_WITHOUT_FILE",
    "Effect",
    "RunConfig",
    "Setting",
    "default_of",
    "settings_in_force",
    "without_effect",
]
