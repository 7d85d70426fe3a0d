"""The command that starts the same run again."""

import shlex
from typing import Any

from cxr_tasks.settings import SETTINGS, RunConfig, default_of


def reproduce_command(config: RunConfig, *, weights_origin: str) -> str:
    """Give the command that starts the same run again, every setting by its flag.

    Args:
        config: The run's configuration.
        weights_origin: Where its backbones' weights came from: where ImageNet's could not be had,
            the command names what took their place, since elsewhere they may be had.
    """
    if not config.weights and weights_origin == "phantom":
        config = config.model_copy(update={"weights": "phantom"})
    words = ["python", "-m", "cxr_tasks", "run", "--profile", config.profile]
    for name in SETTINGS:
        value = getattr(config, name)
        if name != "profile" and value != default_of(name, config.profile):
            words += _flag(name, value)
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
