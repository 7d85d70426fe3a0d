"""A request for scores: checked before anything is read, and a form to write it in."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr_tasks.errors import ConfigError, first_few, shown
from cxr_tasks.settings.form import marked
from cxr_tasks.volume.paths import check_run_key

REQUEST = "CXR_SCORE_REQUEST"
"""Environment variable: a request as JSON, for a process that a DAG starts."""

KEYS = ("data", "version", "name")
NO_DATA = (
    "No images are named, so there is nothing to score. Give `data` in the trigger form, or, for "
    "runs that a new champion starts, `data` below [score] in the operator's defaults file."
)


@dataclass(frozen=True)
class ScoreRequest:
    """Which images the champion should score."""

    paths: tuple[str, ...]  # absolute; each a folder, an image or a zip file
    version: str | None = None  # of the champion; None is the one that serves
    name: str = ""  # of the batch, which is its folder's; empty: by the time


def make_request(given: Mapping[str, Any]) -> ScoreRequest:
    """Check what a form or the command line gives.

    Args:
        given: `data`, one path a line or a list of paths; `version`; `name`. None and the empty
            text mean "not given".

    Raises:
        ConfigError: An unknown key, a value that is no text, no path, one that is not there, or
            a name that cannot be a folder's.
    """
    if unknown := sorted(shown(key) for key in set(given) - set(KEYS)):
        raise ConfigError(
            f"Unknown key: {first_few(unknown)}.",
            f"Allowed: {', '.join(KEYS)}.",
            "Correct the spelling, or leave it out.",
        )
    version, name = (_text(key, given.get(key)) for key in ("version", "name"))
    paths = tuple(dict.fromkeys(_absolute(path) for path in _lines(given.get("data"))))
    if not paths:
        raise ConfigError(
            "No images are named.",
            "What is scored are folders, images and zip files.",
            "Name at least one: data, one path a line; on the command line PATH...",
        )
    if missing := [repr(path) for path in paths if not _is_there(path)]:
        raise ConfigError(
            f"No file or folder: {first_few(missing)}.",
            "What is scored are folders, images and zip files that every worker can read.",
            "Correct the path.",
        )
    return ScoreRequest(paths, version or None, check_run_key(name) if name else "")


def request_environment(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment that carries a request to `python -m cxr_tasks predict`."""
    return {REQUEST: json.dumps(dict(given))}


def names_data(given: Mapping[str, Any]) -> bool:
    """Return whether a request names images at all; a run by an asset event may have none."""
    return bool(_lines(given.get("data")))


def score_form_fields(defaults: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Describe the keys of a request as fields of Airflow's trigger form (JSON schema).

    Args:
        defaults: The table [score] of the operator's defaults file.
    """
    return {
        "data": {
            "default": defaults.get("data"),
            "type": ["string", "null"],
            "format": "multiline",
            "title": "Images",
            "description_md": "One path a line, each a folder, an image or a zip file that every "
            "worker can read. Of a folder or zip file all images in it and below are scored.",
        },
        "version": {
            "default": None,
            "type": ["string", "null"],
            "title": "Version of the champion",
            "description_md": marked(
                "A folder below `$CXR_HOME/champion`, for example `0003-nightly-7`; empty: the one "
                "that serves."
            ),
        },
        "name": {
            "default": None,
            "type": ["string", "null"],
            "title": "Name of the batch",
            "description_md": marked(
                "Its folder below `$CXR_HOME/scores`; empty: from Airflow's run id. Results are "
                "never overwritten."
            ),
        },
    }


def _lines(data: Any) -> list[str]:
    """Split `data` into paths; a list may hold what cannot stand in a line."""
    if isinstance(data, list | tuple) and all(isinstance(path, str) for path in data):
        return [path for path in data if path]
    return [line.strip() for line in _text("data", data).splitlines() if line.strip()]


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(
            f"{key}={shown(value)} is not possible.",
            "It has to be a text; data may also be a list of texts.",
            f"Change {key}.",
        )
    return value if key == "data" else value.strip()


def _absolute(path: str) -> str:
    """Tie a path to the folder in which it was typed, and spell it one way."""
    # pathlib would raise where `~name` is nobody's home
    return path if "\0" in path else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111


def _is_there(path: str) -> bool:
    # pathlib would raise where the path is too long to be any
    return os.path.isdir(path) or os.path.isfile(path)  # noqa: PTH112, PTH113
