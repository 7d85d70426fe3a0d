"""Which settings decide about numbers: by them runs are told to differ in the seed alone."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.settings.model import PATH_SETTINGS, SETTINGS


def deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that decide about numbers, but the seed; equal bytes may lie anywhere."""
    return {
        name: value
        for name, value in config.items()
        if name in SETTINGS
        and name not in (*PATH_SETTINGS, "seed")
        and SETTINGS[name].section != "Retraining"
    }
