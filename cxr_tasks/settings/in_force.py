"""The settings in force, as lines for a log."""

from typing import Any

from cxr_tasks.settings.effects import default_of
from cxr_tasks.settings.run_config import SETTINGS, RunConfig

_ALWAYS_SET = ("profile", "threads")
"""The profile itself, and what is by the cores of the machine where nobody sets it."""


def settings_in_force(config: RunConfig) -> list[str]:
    """Describe a run's settings: what differs from its profile first, then the rest by section.

    Settings that are empty are left out.
    """
    chosen = [
        name
        for name in SETTINGS
        if name not in _ALWAYS_SET and getattr(config, name) != default_of(name, config.profile)
    ]
    told = [_shown(config, name) for name in chosen]
    lines = [f"profile {config.profile}, chosen beside it: {', '.join(told) or 'nothing'}"]
    for section in dict.fromkeys(setting.section for setting in SETTINGS.values()):
        rest = [
            _shown(config, name)
            for name, setting in SETTINGS.items()
            if setting.section == section
            and name not in (*chosen, "profile")
            and getattr(config, name) not in ("", None)
        ]
        if rest:
            lines.append(f"{section.lower()}: {', '.join(rest)}")
    return lines


def _shown(config: RunConfig, name: str) -> str:
    value: Any = getattr(config, name)
    return f"{name}={'+'.join(value) if isinstance(value, tuple) else value}"
