"""The command that starts the same run again."""

import shlex
from dataclasses import replace
from typing import Any

from cxr_tasks.settings import PROFILES, SETTINGS, RunConfig


def reproduce_command(config: RunConfig, *, weights_origin: str) -> str:
    """Give the command that starts the same run again, every setting by its flag.

    Args:
        config: The run's configuration.
        weights_origin: Where its backbones' weights came from: where ImageNet's could not be had,
            the command names what took their place, since elsewhere they may be had.
    """
    if not config.weights and weights_origin == "phantom":
        config = replace(config, weights="phantom")
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    defaults |= PROFILES[config.profile]
    words = ["python", "-m", "cxr_tasks", "run", "--profile", config.profile]
    for name in SETTINGS:
        value = getattr(config, name)
        if name != "profile" and value != defaults[name]:
            words += _flag(name, value)
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
