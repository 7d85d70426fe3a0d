"""Settings, and texts that quote them, without the paths and patterns that somebody has typed.

A path may have a patient's name in it, and a pattern may be one.
"""

import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.model import PATH_SETTINGS, WEIGHTS_WITHOUT_FILE
from cxr_tasks.wording import one_line

NOT_SENT = "not sent"
"""Stands for a path, a pattern, a file's name."""

PATHS = (*PATH_SETTINGS, "lung_masks", "covid_glob", "normal_glob")
"""The settings that hold paths or patterns."""

_WORDS = ("", "none", *WEIGHTS_WITHOUT_FILE)
_DESCRIBED = ("kaggle", "phantom")
"""The sources whose descriptions name no file of the user's."""


def settings_without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's settings; of one that holds a path, that there is one."""
    return {
        name: NOT_SENT if name in PATHS and value not in _WORDS else value
        for name, value in config.items()
        if name in SETTINGS
    }


def command_without_paths(command: str) -> str:
    """Return a command of this project, without the values of the flags that take paths."""
    flags = [f"--{name.replace('_', '-')}" for name in PATHS]
    words: list[str] = []
    for before, word in pairwise(["", *shlex.split(command)]):
        flag, equals, _ = word.partition("=")
        if before in flags and word not in _WORDS:
            words.append(NOT_SENT)
        else:
            words.append(f"{flag}={NOT_SENT}" if equals and flag in flags else word)
    return shlex.join(words)


def without_decisions_file(text: str, config: Mapping[str, Any]) -> str:
    """Return a text without the name of the file with people's decisions about labels."""
    name = Path(str(config.get("label_decisions", ""))).name
    return text.replace(f"({one_line(name, 60)})", f"({NOT_SENT})")


def described(description: str, source: object) -> str:
    """Return what is said of a data set: of a folder or a zip file not its name."""
    if source in _DESCRIBED:
        return description
    return f"{'zip file' if source == 'zip' else 'folder'}, its name {NOT_SENT}"
